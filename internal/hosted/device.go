package hosted

import (
	"encoding/base64"
	"errors"
	"html/template"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

func dataURL(kind string, b []byte) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b))
}

// device looks a user code up. The code has 34 bits, so whoever names codes that are none is counted at the guard that every door
// has, by their address (RFC 8628, 5.1).
func (v *visit) device(code string) (*signin.Device, error) {
	pool, err := v.dir.DefaultPool(v.ctx)
	if err != nil {
		return nil, err
	}
	policy, err := v.signin.PoolPolicy(v.ctx, pool.ID)
	if err != nil {
		return nil, err
	}
	ip := caller.From(v.ctx).ClientIP
	door := signin.Door{PoolID: pool.ID, Account: "device code from " + ip, IP: ip}
	switch err := v.signin.Admit(v.ctx, policy, door); {
	case errors.Is(err, signin.ErrCaptchaNeeded): // the page has none: the bound on the address stands alone
	case errors.Is(err, signin.ErrLocked):
		return nil, signin.ErrFlood
	case err != nil:
		return nil, err
	}
	d, err := v.signin.Device(v.ctx, code)
	if errors.Is(err, signin.ErrDeviceGone) {
		if _, err := v.signin.Failed(v.ctx, policy, door); err != nil {
			return nil, err
		}
	}
	return d, err
}

// deviceAsk asks for a device's code, then for the person, then whether to connect it.
func (v *visit) deviceAsk() (*view, error) {
	n := v.takeNote()
	if v.door.UserCode == "" || v.app == nil {
		page := v.lang.deviceCodeView(v.door.UserCode)
		if v.door.UserCode != "" && n.Code == "" {
			n.Code, n.Kind, n.Field = signin.ErrDeviceGone.Code, uint8(signin.ErrDeviceGone.Kind), "user_code"
		}
		v.wordNote(page, n)
		return page, nil
	}
	_, u, err := v.session()
	if err != nil {
		return nil, err
	}
	if u == nil {
		v.redirect(v.door.at(loginPath))
		return nil, nil
	}
	d, err := v.device(v.door.UserCode)
	if err != nil {
		return nil, err
	}
	page := v.lang.deviceView(d, u)
	page.Forms[0].Action = v.door.at(devicePath)
	page.Forms[0].Hidden = []pair{{"user", u.ID}}
	v.wordNote(page, n)
	return page, nil
}

func (l lang) deviceCodeView(code string) *view {
	return &view{lang: l, Emblem: "screen", Heading: l.text("device.heading"), Lead: l.text("device.lead"), Forms: []form{{Action: devicePath, Inputs: []input{
		{Name: "user_code", Type: "text", Class: "code", Label: l.text("device.code"), Complete: "off", Value: code, Required: true, Verbatim: true, Most: 16},
	}, Buttons: []button{{Text: l.text("continue")}}}}}
}

func (l lang) deviceView(d *signin.Device, u *directory.User) *view {
	page := &view{lang: l, Emblem: "screen", Heading: l.text("device.confirm"), Lead: l.text("device.ask", d.App.Name), UserCode: d.UserCode, Who: whoOf(u), Scopes: l.scopeRows(d.Scope),
		Forms: []form{{Pair: true, Buttons: []button{{Text: l.text("device.deny"), Kind: "second", Name: "answer", Value: "no"}, {Text: l.text("device.allow"), Name: "answer", Value: "yes"}}}}}
	if d.ClientIP != "" {
		page.Small = l.text("device.from", d.ClientIP)
	}
	return page
}

func (v *visit) doDevice() (string, error) {
	if v.form.Has("user_code") {
		code := strings.ToUpper(strings.TrimSpace(v.form.Get("user_code")))
		if code == "" {
			return "", missing(errFieldMissing, "user_code")
		}
		if len(code) > 64 {
			return "", signin.ErrDeviceGone
		}
		v.door = door{} // a wrong code comes back to the bare page
		if _, err := v.device(code); err != nil {
			return "", err
		}
		return at(devicePath, "user_code", code), nil
	}
	if v.app == nil {
		return "", signin.ErrDeviceGone
	}
	x, u, err := v.session()
	if err != nil {
		return "", err
	}
	if u == nil || u.ID != v.form.Get("user") {
		return v.door.at(devicePath), nil
	}
	allow := v.form.Get("answer") == "yes"
	if err := v.signin.AnswerDevice(v.ctx, v.door.UserCode, x.PoolID, u.ID, x.ID, allow); err != nil {
		return "", err
	}
	if allow {
		return at(deviceDonePath, "app_id", v.app.ID), nil
	}
	return at(deviceDonePath, "app_id", v.app.ID, "refused", "1"), nil
}

func (v *visit) deviceDone() (*view, error) {
	if v.r.URL.Query().Get("refused") != "" {
		return &view{Emblem: "info", Heading: v.T("device.no"), Lead: v.T("device.no.lead")}, nil
	}
	return &view{Emblem: "check", EmblemKind: "good", Heading: v.T("device.done"), Lead: v.T("device.done.lead")}, nil
}
