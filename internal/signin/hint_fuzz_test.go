package signin_test

import (
	"errors"
	"path/filepath"
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
	file := filepath.Join(f.TempDir(), "guildhall.db")
	if _, _, err := db.Migrate(f.Context(), file); err != nil {
		f.Fatal(err)
	}
	d, err := db.Open(f.Context(), db.Options{DSN: file})
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
