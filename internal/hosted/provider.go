package hosted

import (
	"maps"
	"net/http"
	"slices"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// The pages that the OpenID Connect provider shows by itself. app may be nil.

// Error shows an error that cannot be sent back to an application.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, app *signin.Application, status int, code, description string) {
	p.provided(w, r, app, func(v *visit) *view {
		page := &view{Emblem: "warning", EmblemKind: "error", Heading: v.T("error.heading"), Lead: v.T("provider.error"), Bad: true, status: status,
			Small: v.T("error.reference") + " " + caller.From(v.ctx).RequestID, Alert: &alert{Text: code + ": " + description}}
		return page
	})
}

// SignedOut says that the person is signed out.
func (p *Pages) SignedOut(w http.ResponseWriter, r *http.Request, app *signin.Application) {
	p.provided(w, r, app, func(v *visit) *view {
		if app != nil {
			v.door.AppID = app.ID
		}
		page, _ := v.signedOut() // refuses nothing
		return page
	})
}

// ConfirmLogout asks whether the person wants to sign out; the form posts fields to action, which checks them by itself.
func (p *Pages) ConfirmLogout(w http.ResponseWriter, r *http.Request, app *signin.Application, action string, fields map[string]string) {
	p.provided(w, r, app, func(v *visit) *view {
		f := form{Action: action, Buttons: []button{{Text: v.T("signed_in.out")}}}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			f.Hidden = append(f.Hidden, pair{name, fields[name]})
		}
		if app != nil {
			v.logout = append(v.logout, fields["post_logout_redirect_uri"])
		}
		page := &view{Emblem: "out", Heading: v.T("sign_out.heading"), Lead: v.T("sign_out.lead"), Forms: []form{f}}
		if app != nil {
			page.Links = []link{{Text: v.T("sign_out.stay"), URL: at(signedInPath, "app_id", app.ID)}}
		}
		return page
	})
}

func (p *Pages) provided(w http.ResponseWriter, r *http.Request, app *signin.Application, draw func(v *visit) *view) {
	p.handler(func(v *visit) error {
		v.door, v.app = door{}, app
		if app != nil {
			v.lang = langOf(r, v.locales()...)
		}
		v.provided = true
		v.show(draw(v))
		return nil
	}).ServeHTTP(w, r)
}

// verifyEmail asks before a link in a mail is taken: programs that read mail open links by themselves.
func (v *visit) verifyEmail() (*view, error) {
	token := v.r.URL.Query().Get("token")
	if v.r.URL.Query().Get("done") != "" {
		return &view{Emblem: "check", EmblemKind: "good", Heading: v.T("verify.done"), Lead: v.T("signed_in.lead")}, nil
	}
	page := &view{Emblem: "mail", Heading: v.T("verify.heading"), Lead: v.T("verify.lead"),
		Forms: []form{{Action: signin.VerifyEmailPath, Hidden: []pair{{"token", token}}, Buttons: []button{{Text: v.T("verify.submit")}}}}}
	n := v.takeNote()
	if n.Code != "" {
		page.Forms = nil
	}
	v.wordNote(page, n)
	return page, nil
}

func (v *visit) doVerifyEmail() (string, error) {
	if err := v.signin.VerifyEmail(v.ctx, v.form.Get("token")); err != nil {
		return "", err
	}
	return at(signin.VerifyEmailPath, "done", "1"), nil
}
