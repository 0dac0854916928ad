package signin_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// scanPlace is a place whose application offers scanning.
func scanPlace(t *testing.T, d *db.DB) *place {
	t.Helper()
	w := newPlace(t, d, nil)
	app, err := w.Signin.UpdateApplication(w.As(t.Context()), w.Pool.ID, w.app.ID, signin.ApplicationPatch{Settings: func(s *signin.AppSettings) error {
		s.LoginMethods = append(slices.Clone(s.LoginMethods), signin.LoginQRCode)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.app = app
	return w
}

func (w *place) startScan(t *testing.T, note string) *signin.Scan {
	t.Helper()
	x, err := w.Signin.StartScan(w.ctx, w.app, note)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (w *place) standing(t *testing.T, id string) *signin.Scan {
	t.Helper()
	x, err := w.Signin.ScanStanding(w.ctx, w.app, id)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Who may do what to a scan, and how it stands then.
func TestScanActions(t *testing.T) {
	type act struct {
		by     string
		action signin.ScanAction
		want   string // the refusal's code
	}
	cases := []struct {
		name string
		acts []act
		want signin.ScanStatus
	}{
		{"nothing", nil, signin.ScanNew},
		{"scanned", []act{{"ada", signin.ScanScan, ""}}, signin.ScanScanned},
		{"scanned twice by one", []act{{"ada", signin.ScanScan, ""}, {"ada", signin.ScanScan, ""}}, signin.ScanScanned},
		{"scanned by two", []act{{"ada", signin.ScanScan, ""}, {"bob", signin.ScanScan, "scan_state"}}, signin.ScanScanned},
		{"allowed", []act{{"ada", signin.ScanScan, ""}, {"ada", signin.ScanAllow, ""}}, signin.ScanAllowed},
		{"allowed twice", []act{{"ada", signin.ScanScan, ""}, {"ada", signin.ScanAllow, ""}, {"ada", signin.ScanAllow, ""}}, signin.ScanAllowed},
		{"allowed without a scan", []act{{"ada", signin.ScanAllow, "scan_state"}}, signin.ScanNew},
		{"allowed by another", []act{{"ada", signin.ScanScan, ""}, {"bob", signin.ScanAllow, "scan_state"}}, signin.ScanScanned},
		{"cancelled", []act{{"ada", signin.ScanScan, ""}, {"ada", signin.ScanCancel, ""}}, signin.ScanCancelled},
		{"cancelled before", []act{{"ada", signin.ScanCancel, ""}}, signin.ScanCancelled},
		{"cancelled by another", []act{{"ada", signin.ScanScan, ""}, {"bob", signin.ScanCancel, "scan_state"}}, signin.ScanScanned},
		{"allowed after cancelling", []act{{"ada", signin.ScanScan, ""}, {"ada", signin.ScanCancel, ""}, {"ada", signin.ScanAllow, "scan_state"}}, signin.ScanCancelled},
		{"cancelled after allowing", []act{{"ada", signin.ScanScan, ""}, {"ada", signin.ScanAllow, ""}, {"ada", signin.ScanCancel, "scan_state"}}, signin.ScanAllowed},
		{"no action", []act{{"ada", "shout", "field_format"}}, signin.ScanNew},
	}
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := scanPlace(t, d)
		ids := map[string]string{"ada": w.user.ID, "bob": w.newUser(t, "bob").ID}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				x := w.startScan(t, "note")
				for i, a := range c.acts {
					id := x.Code
					if i%2 == 1 {
						id = x.ID // the browser's secret serves for scanning too
					}
					if err := w.Signin.ActOnScan(w.ctx, w.Pool.ID, ids[a.by], id, a.action); code(err) != a.want {
						t.Errorf("%s by %s: %v, want %q", a.action, a.by, err, a.want)
					}
				}
				got := w.standing(t, x.ID)
				if got.Status != c.want || (got.Ticket != "") != (c.want == signin.ScanAllowed) || got.Note != "note" {
					t.Errorf("stands %+v, want %s", got, c.want)
				}
				if got := w.standing(t, x.Code); got.Status != signin.ScanExpired || got.Ticket != "" {
					t.Errorf("what is in the picture tells how it stands: %+v", got)
				}
			})
		}
	})
}

// What a scan is exchanged for, by whom, and how often.
func TestScanExchange(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := scanPlace(t, d)
		other := w.Hall.Pool(t, "two")
		foreign, err := w.Signin.Application(w.ctx, other.AppID)
		if err != nil {
			t.Fatal(err)
		}
		x := w.startScan(t, "n")
		if err := w.Signin.ActOnScan(w.ctx, other.ID, w.user.ID, x.Code, signin.ScanScan); code(err) != "scan_gone" {
			t.Errorf("another pool's user: %v", err)
		}
		for _, id := range []string{"", "x", x.ID[:len(x.ID)-1], x.ID + "x", strings.Repeat("a", 67)} {
			if err := w.Signin.ActOnScan(w.ctx, w.Pool.ID, w.user.ID, id, signin.ScanScan); code(err) != "scan_gone" {
				t.Errorf("%q: %v", id, err)
			}
		}
		for _, action := range []signin.ScanAction{signin.ScanScan, signin.ScanAllow} {
			if err := w.Signin.ActOnScan(w.ctx, w.Pool.ID, w.user.ID, x.Code, action); err != nil {
				t.Fatal(err)
			}
		}
		ticket := w.standing(t, x.ID).Ticket
		if got, err := w.Signin.ScanStanding(w.ctx, foreign, x.ID); err == nil && got.Status != signin.ScanExpired {
			t.Errorf("another application sees %+v, %v", got, err)
		}
		if _, _, err := w.Signin.SignInScanned(w.ctx, foreign, ticket, signin.Proof{Trusted: true}); code(err) == "" {
			t.Error("another application's ticket")
		}
		for _, bad := range []string{"", "x", x.ID, x.Code} {
			if _, _, err := w.Signin.SignInScanned(w.ctx, w.app, bad, signin.Proof{Trusted: true}); code(err) != "scan_ticket_invalid" {
				t.Errorf("%q: %v", bad, err)
			}
		}
		var won, lost atomic.Int64
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				out, note, err := w.Signin.SignInScanned(w.ctx, w.app, ticket, signin.Proof{Trusted: true})
				switch {
				case err == nil && out.User.ID == w.user.ID && out.Session != nil && note == "n":
					won.Add(1)
				case code(err) == "scan_ticket_invalid":
					lost.Add(1)
				default:
					t.Errorf("%+v, %v", out, err)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 || lost.Load() != 19 {
			t.Errorf("%d exchanged it, %d did not", won.Load(), lost.Load())
		}
	})
}

// An application that does not offer scanning begins none.
func TestScanOffered(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, nil)
		if _, err := w.Signin.StartScan(w.ctx, w.app, ""); code(err) != "login_method_off" {
			t.Errorf("%v", err)
		}
		if _, err := w.Signin.OfferScan(w.ctx, w.app, w.user.ID); code(err) != "login_method_off" {
			t.Errorf("%v", err)
		}
	})
}

func TestScanOffer(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := scanPlace(t, d)
		id, err := w.Signin.OfferScan(w.ctx, w.app, w.user.ID)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := w.Signin.OfferApplications(w.ctx, w.app.ID, id); err != nil || slices.ContainsFunc(list, func(a *signin.Application) bool { return !a.Offers(signin.LoginQRCode) }) {
			t.Error(list, err)
		}
		if _, err := w.Signin.OfferApplications(w.ctx, w.Pool.ID, id); code(err) != "scan_ticket_invalid" {
			t.Error(err)
		}
		standing := func(want signin.ScanStatus, id string) {
			t.Helper()
			if got, err := w.Signin.OfferStanding(w.ctx, w.app, id); err != nil || got != want {
				t.Errorf("%s, %v, want %s", got, err, want)
			}
		}
		standing(signin.ScanNew, id)
		standing(signin.ScanExpired, "x")
		out, err := w.Signin.TakeOffer(w.ctx, w.app, id, signin.Proof{})
		if err != nil || out.Session == nil || out.User.ID != w.user.ID {
			t.Fatalf("%+v, %v", out, err)
		}
		standing(signin.ScanAllowed, id)
		if _, err := w.Signin.TakeOffer(w.ctx, w.app, id, signin.Proof{}); code(err) != "scan_ticket_invalid" {
			t.Errorf("taken twice: %v", err)
		}
	})
}

// A picture shows what the kits of phones read, with a margin that readers need.
func TestScanPicture(t *testing.T) {
	x := &signin.Scan{Code: strings.Repeat("c", 67), Life: 300e9}
	content, err := x.Content(&signin.Application{PoolID: "p", ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(content), &got); err != nil || got["random"] != x.Code || got["scene"] != "APP_AUTH" || got["userPoolId"] != "p" || got["expiresIn"] != 300.0 {
		t.Errorf("%s, %v", content, err)
	}
	address, err := signin.QRPicture(content)
	if err != nil {
		t.Fatal(err)
	}
	data, ok := strings.CutPrefix(address, "data:image/png;base64,")
	b, err := base64.StdEncoding.DecodeString(data)
	if !ok || err != nil {
		t.Fatal(address[:40], err)
	}
	picture, err := png.Decode(bytes.NewReader(b))
	if err != nil || picture.Bounds().Dx() < 200 || picture.Bounds().Dx() != picture.Bounds().Dy() {
		t.Fatalf("%v, %v", picture.Bounds(), err)
	}
	if r, _, _, _ := picture.At(1, 1).RGBA(); r != 0xffff {
		t.Error("no margin")
	}
	if _, err := signin.QRPicture(strings.Repeat("x", 5000)); err == nil {
		t.Error("more than fits")
	}
}
