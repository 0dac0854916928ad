package signin_test

import (
	"errors"
	"testing"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// Whatever a text is, reading it as a token is a refusal and never a failure.
func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"", ".", "..", "x.y.z", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiJ9.eyJ1c2UiOiJhY2Nlc3MiLCJ1c2VycG9vbF9pZCI6IngifQ.AA",
		"eyJhbGciOiJIUzI1NiJ9.eyJ1c2UiOiJ1c2VyIiwiYXVkIjoiZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmIn0.AA", "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.eyJhdWQiOlsiYSIsImIiXX0.AA",
		`{"payload":"e30","signatures":[]}`} {
		f.Add(seed)
	}
	d, err := db.Open(f.Context(), db.Options{DSN: testhall.SQLite(f)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	h := testhall.New(f, d)
	h.Pool(f, "one")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := h.Signin.IDTokenHint(t.Context(), token); !errors.Is(err, signin.ErrTokenInvalid) {
			t.Errorf("a hint: %v", err)
		}
		if _, _, err := h.Signin.User(t.Context(), token); !errors.Is(err, signin.ErrTokenInvalid) {
			t.Errorf("a token: %v", err)
		}
		if _, err := h.Signin.Inspect(t.Context(), token); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("inspected: %v", err)
		}
		if _, err := h.Signin.ValidToken(t.Context(), token); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("valid: %v", err)
		}
	})
}

// Whatever a cookie, a key, a handle or a code holds, it opens nothing and breaks nothing.
func FuzzCookies(f *testing.F) {
	for _, seed := range []string{"", "x", "0123456789abcdef01234567", "0123456789abcdef01234567AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "BCDF-GHJK", "bcdf ghjk", "\x00", "é"} {
		f.Add(seed)
	}
	d, err := db.Open(f.Context(), db.Options{DSN: testhall.SQLite(f)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	h := testhall.New(f, d)
	p := h.Pool(f, "one")
	app, err := h.Signin.Application(f.Context(), p.AppID)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ctx := t.Context()
		for _, cookie := range []string{text, p.ID + text} {
			if _, _, err := h.Signin.SessionByCookie(ctx, p.ID, cookie); !errors.Is(err, signin.ErrNoSession) {
				t.Errorf("a session: %v", err)
			}
			if _, err := h.Signin.Interaction(ctx, cookie); !errors.Is(err, signin.ErrInteractionGone) {
				t.Errorf("an interaction: %v", err)
			}
			if _, err := h.Signin.Flow(ctx, cookie); !errors.Is(err, signin.ErrFlowGone) {
				t.Errorf("a flow: %v", err)
			}
			if _, err := h.Signin.Device(ctx, cookie); !errors.Is(err, signin.ErrDeviceGone) {
				t.Errorf("a device: %v", err)
			}
			if _, err := h.Signin.RedeemDevice(ctx, app, cookie); !errors.Is(err, signin.ErrDeviceGone) {
				t.Errorf("a device code: %v", err)
			}
			if _, err := h.Signin.RedeemCode(ctx, app, signin.CodeExchange{Kind: signin.FamilyOIDC, Code: cookie}); !errors.Is(err, signin.ErrGrantRefused) {
				t.Errorf("a code: %v", err)
			}
		}
	})
}
