package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// scanScene is the one scene that is served: the others are the vendor's cloud's own mini programs.
const scanScene = "APP_AUTH"

type geneCodeInput struct {
	Scene          string `json:"scene" rule:"default=APP_AUTH"`
	WithCustomData bool   `json:"withCustomData" rule:"default=false"`
}

type geneCode struct {
	Random     string  `json:"random"`
	URL        string  `json:"url"` // of the picture
	CustomLogo *string `json:"customLogo"`
}

// noteCustomData is the note of a scan whose user is to be shown with custom data.
const noteCustomData = "customData"

// geneCode begins a sign-in by scanning.
func (a *API) geneCode(ctx context.Context, in *geneCodeInput) (*geneCode, error) {
	if in.Scene != scanScene {
		return nil, fault.New(fault.Unsupported, "operation_unsupported", "geneCode "+in.Scene)
	}
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	note := ""
	if in.WithCustomData {
		note = noteCustomData
	}
	x, err := a.signin.StartScan(ctx, app, note)
	if err != nil {
		return nil, err
	}
	content, err := x.Content(app)
	if err != nil {
		return nil, err
	}
	picture, err := signin.QRPicture(content)
	if err != nil {
		return nil, err
	}
	return &geneCode{Random: x.ID, URL: picture, CustomLogo: text(&app.Logo)}, nil
}

type checkCodeInput struct {
	Random string `json:"random" rule:"required,len=128"`
}

type codeStatus struct {
	Random   string     `json:"random"`
	Status   int        `json:"status"`
	Ticket   string     `json:"ticket,omitzero"`
	UserInfo *scannedBy `json:"userInfo"`
	Result   *struct{}  `json:"scannedResult"`
}

type scannedBy struct {
	ID       string  `json:"id,omitzero"`
	Nickname *string `json:"nickname"`
	Photo    *string `json:"photo"`
	Username *string `json:"username,omitzero"`
	Email    *string `json:"email,omitzero"`
	Phone    *string `json:"phone,omitzero"`
}

// scanStatus is the wire's number for how a scan stands.
var scanStatus = map[signin.ScanStatus]int{
	signin.ScanNew: 0, signin.ScanScanned: 1, signin.ScanAllowed: 2, signin.ScanCancelled: 3, signin.ScanExpired: -1,
}

// checkCode tells the browser how its scan stands.
func (a *API) checkCode(ctx context.Context, in *checkCodeInput) (*codeStatus, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	x, err := a.signin.ScanStanding(ctx, app, in.Random)
	if err != nil {
		return nil, err
	}
	out := &codeStatus{Random: in.Random, Status: scanStatus[x.Status], Ticket: x.Ticket}
	if u := x.User; u != nil {
		v := a.view(u)
		name := u.DisplayName()
		out.UserInfo = &scannedBy{Nickname: &name, Photo: v.Photo}
		if x.Full {
			out.UserInfo.ID, out.UserInfo.Username, out.UserInfo.Email, out.UserInfo.Phone = u.ID, v.Username, v.Email, v.Phone
		}
	}
	return out, nil
}

type ticketInput struct {
	Ticket string `json:"ticket" rule:"required,len=128"`
}

// exchangeUserInfo signs in by the ticket of an allowed scan.
func (a *API) exchangeUserInfo(ctx context.Context, in *ticketInput) (*user, error) {
	trusted := caller.From(ctx).Kind == caller.Key
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	b := browser.From(ctx)
	out, note, err := a.signin.SignInScanned(ctx, app, in.Ticket,
		signin.Proof{Cookie: b.Session(app.PoolID), Device: b.Value(deviceCookie(app.PoolID)), Trusted: trusted})
	if err != nil {
		return nil, err
	}
	return a.entered(ctx, app, out, withCustomData(note == noteCustomData))
}
