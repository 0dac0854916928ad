package hosted

import (
	"html/template"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// scanBlock shows a code to scan. The scan itself stands in the state, so that reloading the page looks at the same one.
func (v *visit) scanBlock(page *view) error {
	if v.r.URL.Query().Get("again") != "" {
		v.state.Scan = nil
	}
	if s := v.state.Scan; s == nil || s.Door != v.door.key() || v.now().Unix() >= s.Until {
		x, err := v.signin.StartScan(v.ctx, v.app, "")
		if err != nil {
			return err
		}
		content, err := x.Content(v.app)
		if err != nil {
			return err
		}
		v.state.Scan, v.dirty = &scan{Door: v.door.key(), ID: x.ID, Content: content, Until: v.now().Add(x.Life).Unix()}, true
	}
	picture, err := signin.QRPicture(v.state.Scan.Content)
	if err != nil {
		return err
	}
	page.fetches = true
	page.QR = &qr{Image: template.URL(picture), Poll: v.door.at(loginScanPath)}
	page.Lead = v.T("scan.lead")
	page.Forms = append(page.Forms, form{Action: v.door.at(loginScanPath, "by", "scan"), Scan: true, Buttons: []button{{Text: v.T("scan.next")}}})
	page.Links = append(page.Links, link{Text: v.T("scan.again"), URL: v.door.at(loginPath, "by", "scan", "again", "1")})
	return nil
}

// scanned tells the page's script whether the scan has been allowed.
func (v *visit) scanned() (any, error) {
	x, err := v.standing()
	return map[string]bool{"done": err == nil && x != nil && x.Status != signin.ScanNew && x.Status != signin.ScanScanned}, err
}

func (v *visit) standing() (*signin.Scan, error) {
	s := v.state.Scan
	if s == nil || s.Door != v.door.key() {
		return nil, nil
	}
	return v.signin.ScanStanding(v.ctx, v.app, s.ID)
}

// doScan signs in what has been allowed on the phone.
func (v *visit) doScan() (string, error) {
	x, err := v.standing()
	if err != nil {
		return "", err
	}
	if x == nil || x.Status == signin.ScanExpired || x.Status == signin.ScanCancelled {
		v.state.Scan, v.dirty = nil, true
		return "", signin.ErrScanGone
	}
	if x.Status != signin.ScanAllowed {
		return "", errScanWaits
	}
	// Trusted: the ticket never leaves the server, so that no page's script could have taken it.
	out, _, err := v.signin.SignInScanned(v.ctx, v.app, x.Ticket, signin.Proof{Trusted: true, Cookie: browser.From(v.ctx).Session(v.app.PoolID), Device: v.deviceToken()})
	if err != nil {
		return "", err
	}
	return v.arrived(out, false)
}

// answerScript answers what the page's script has sent.
func (v *visit) answerScript(r route) error {
	gate := v.limits.Gates[op.Point]
	if err := gate.Enter(v.ctx); err != nil {
		return err
	}
	defer gate.Leave()
	if err := v.enter(r.open); err != nil {
		return err
	}
	return v.answer(r.json)
}

// answer answers the page's script in JSON; a refusal in the person's words.
func (v *visit) answer(f func(*visit) (any, error)) error {
	status := http.StatusOK
	answer, err := f(v)
	if err != nil {
		e := v.faultOf(err)
		status, answer = statusOf(e.Kind), map[string]string{"message": v.lang.refusal(e.Kind, e.Code, e.Args)}
	}
	b, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b)
	return nil
}

var errScanWaits = fault.New(fault.Unprocessable, "scan_waits")
