package hosted

import (
	"html/template"
	"net/url"
	"strings"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// whoOf is a user as the pages show them.
func whoOf(u *directory.User) *who {
	w := &who{Name: u.DisplayName()}
	for _, detail := range []string{u.Email, u.Username, u.Phone} {
		if detail != "" && detail != w.Name {
			w.Detail = detail
			break
		}
	}
	return w
}

// accountView lets a person go on with the browser's account or take another.
func (v *visit) accountView(u *directory.User) *view {
	w := whoOf(u)
	return &view{Emblem: "people", Heading: v.T("accounts.heading"), Lead: v.T("accounts.lead", v.app.Name), Choices: []choice{
		{Initial: w.Initial(), Title: w.Name, Detail: w.Detail, Action: v.door.at(accountPath), Name: "user", Value: u.ID},
		{Icon: "plus", Title: v.T("accounts.other"), URL: v.door.at(loginPath, "other", "1")},
	}}
}

func (v *visit) doAccount() (string, error) {
	x, u, err := v.session()
	if err != nil {
		return "", err
	}
	if v.in == nil {
		return v.onward(), nil
	}
	if u == nil || u.ID != v.form.Get("user") {
		return v.door.at(loginPath), nil // the account that was shown is not the browser's any more
	}
	if err := v.signin.ChooseAccount(v.ctx, v.in.Key, x.ID); err != nil {
		return "", err
	}
	return v.onward(), nil
}

// signedIn is where a sign-in ends that no application asked for.
func (v *visit) signedIn() (*view, error) {
	_, u, err := v.session()
	if err != nil {
		return nil, err
	}
	if u == nil {
		v.redirect(v.door.at(loginPath))
		return nil, nil
	}
	page := &view{Emblem: "check", EmblemKind: "good", Heading: v.T("signed_in.heading"), Lead: v.T("signed_in.lead"), Who: whoOf(u)}
	if to := home(v.app); to != "" {
		page.Next = &link{Text: v.T("signed_in.open", v.app.Name), URL: to}
	}
	page.Links = []link{{Text: v.T("signed_in.out"), URL: v.door.at(signOutPath)}}
	v.wordNote(page, v.takeNote())
	return page, nil
}

// home is where an application can be opened: its own entrance (OpenID Connect Core 4), or the root of where its answers go. The
// redirect URI itself is none: an answer that nobody asked for is an error there.
func home(app *signin.Application) string {
	for _, uri := range append([]string{app.Settings.InitLoginURI}, app.Settings.RedirectURIs...) {
		u, err := url.Parse(uri)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			continue
		}
		if uri == app.Settings.InitLoginURI {
			return uri
		}
		return u.Scheme + "://" + u.Host + "/"
	}
	return ""
}

func (v *visit) signOut() (*view, error) {
	_, u, err := v.session()
	if err != nil {
		return nil, err
	}
	if u == nil {
		v.redirect(v.door.at(signedOutPath))
		return nil, nil
	}
	return &view{Emblem: "out", Heading: v.T("sign_out.heading"), Lead: v.T("sign_out.lead"), Who: whoOf(u),
		Forms: []form{{Action: v.door.at(signOutPath), Buttons: []button{{Text: v.T("signed_in.out")}}}},
		Links: []link{{Text: v.T("sign_out.stay"), URL: v.door.at(signedInPath)}}}, nil
}

func (v *visit) doSignOut() (string, error) {
	x, _, err := v.session()
	if err != nil {
		return "", err
	}
	if x != nil {
		if err := v.signin.EndSession(v.ctx, x.PoolID, x.ID); err != nil {
			return "", err
		}
	}
	browser.From(v.ctx).ClearSession(v.app.PoolID)
	return v.door.at(signedOutPath), nil
}

func (v *visit) signedOut() (*view, error) {
	page := &view{Emblem: "check", EmblemKind: "good", Heading: v.T("signed_out.heading"), Lead: v.T("signed_out.lead")}
	if v.app != nil {
		page.Links = []link{{Text: v.T("signed_out.again"), URL: v.door.at(loginPath)}}
		if to := home(v.app); to != "" {
			page.Next = &link{Text: v.T("back.app", v.app.Name), URL: to}
			page.Links = nil
		}
	}
	return page, nil
}

// scopeIcons are the pictures of the scopes that have words of their own.
var scopeIcons = map[string]string{"openid": "person", "profile": "person", "email": "mail", "phone": "phone", "address": "home", "username": "person",
	"roles": "shield", "external_id": "building", "unionid": "building", "extended_fields": "list", "tenant_id": "building", "offline_access": "clock",
	"user": "person"}

// scopeRows are scopes in words.
func (l lang) scopeRows(scope []string) []row {
	var rows []row
	for _, name := range scope {
		if name == "openid" && len(scope) > 1 {
			continue // says nothing that the others do not
		}
		if icon, ok := scopeIcons[name]; ok {
			r := row{Icon: icon, Title: l.text("scope." + name)}
			if _, more := texts["scope."+name+".more"]; more {
				r.Detail = l.text("scope." + name + ".more")
			}
			rows = append(rows, r)
			continue
		}
		rows = append(rows, row{Icon: "key", Title: l.text("scope.other", name)})
	}
	return rows
}

func (v *visit) consent() (*view, error) {
	if v.in == nil {
		return nil, errPageNotFound
	}
	_, u, err := v.session()
	if err != nil {
		return nil, err
	}
	if u == nil || v.in.Need != signin.NeedConsent {
		v.redirect(v.in.ContinuePath())
		return nil, nil
	}
	page := v.lang.consentView(v.app.Name, v.in.Request.Scope, v.in.Request.RedirectURI, u)
	page.Forms[0].Action = v.door.at(consentPath)
	page.Forms[0].Hidden = []pair{{"user", u.ID}}
	v.wordNote(page, v.takeNote())
	return page, nil
}

func (l lang) consentView(app string, scope []string, redirect string, u *directory.User) *view {
	page := &view{lang: l, Emblem: "shield", Heading: l.text("consent.heading"), Lead: l.text("consent.lead", app), Who: whoOf(u), Scopes: l.scopeRows(scope),
		Forms: []form{{Pair: true, Buttons: []button{{Text: l.text("consent.deny"), Kind: "second", Name: "answer", Value: "no"}, {Text: l.text("consent.allow"), Name: "answer", Value: "yes"}}}}}
	if to := source(redirect); to != "" {
		page.Small = l.text("consent.to", strings.TrimSuffix(to, ":"))
	}
	return page
}

func (v *visit) doConsent() (string, error) {
	if v.in == nil {
		return "", errPageNotFound
	}
	_, u, err := v.session()
	if err != nil {
		return "", err
	}
	switch {
	case u == nil || u.ID != v.form.Get("user"): // not the person whom the page has asked
		return v.in.ContinuePath(), nil
	case v.form.Get("answer") == "yes":
		err = v.signin.GrantConsent(v.ctx, v.in.Key, u.ID, v.in.Request.Scope)
	default:
		err = v.signin.RefuseInteraction(v.ctx, v.in.Key)
	}
	return v.in.ContinuePath(), err
}

// svgURL is a picture of the server's own as an address. An image never runs what stands in it.
func svgURL(svg string) template.URL { return dataURL("image/svg+xml", []byte(svg)) }
