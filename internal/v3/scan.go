package v3

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// scanOperations are those of signing in by a scanned code. Codes that are pushed to a phone belong to the vendor's own app.
func (a *API) scanOperations() []op.Op {
	anyone, self := op.Anyone, op.SignedInUser
	return []op.Op{
		op.Post("/api/v3/gene-qrcode", "geneQrCode", anyone, a.geneQRCode),
		op.Get("/api/v3/get-qrcode-status", "getQrCodeStatus", anyone, a.getQRCodeStatus),
		op.Get("/api/v3/check-qrcode-status", "checkQrCodeStatus", anyone, a.getQRCodeStatus),
		op.Post("/api/v3/exchange-tokenset-with-qrcode-ticket", "exchangeTokenSetWithQrCodeTicket", anyone, a.exchangeQRCodeTicket),
		op.Post("/api/v3/set-qrcode-status", "setQrCodeStatus", self, a.setQRCodeStatus),
		op.Post("/api/v3/change-qrcode-status", "changeQrCodeStatus", self, a.changeQRCodeStatus),
		op.Post("/api/v3/gene-fastpass-qrcode-info", "geneFastpassQrcodeInfo", self, a.geneFastpassQRCode),
		op.Get("/api/v3/get-fastpass-client-apps", "getFastpassParams", anyone, a.getFastpassParams).Costs(op.List),
		op.Get("/api/v3/get-app-login-qrcode-status", "getAppLoginQrCodeStatus", anyone, a.getAppLoginQRCodeStatus),
		op.Post("/api/v3/qrcode-app-login", "qrCodeAppLogin", anyone, a.qrCodeAppLogin),
	}
}

// geneQRCodeRequest has what only the vendor's pipelines and identity sources read, too.
type geneQRCodeRequest struct {
	Type            string         `json:"type" rule:"required,enum=MOBILE_APP|WECHAT_MINIPROGRAM|WECHAT_OFFICIAL_ACCOUNT"`
	ExtIDPConnID    *string        `json:"extIdpConnId"`
	CustomData      jsontext.Value `json:"customData"`
	Context         jsontext.Value `json:"context"`
	AutoMergeQRCode bool           `json:"autoMergeQrCode" rule:"default=false"`
}

type qrCode struct {
	ID      string `json:"qrcodeId"`
	URL     string `json:"url"` // of the picture
	LogoURL string `json:"customLogoUrl,omitzero"`
}

// geneQRCode begins a sign-in by scanning.
func (a *API) geneQRCode(ctx context.Context, in *geneQRCodeRequest) (*qrCode, error) {
	if in.Type != "MOBILE_APP" {
		return nil, fault.New(fault.Unsupported, "operation_unsupported", "geneQrCode "+in.Type)
	}
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	x, err := a.Signin.StartScan(ctx, app, "")
	if err != nil {
		return nil, err
	}
	content, err := x.Content(app)
	if err != nil {
		return nil, err
	}
	picture, err := signin.QRPicture(content)
	return &qrCode{x.ID, picture, app.Logo}, err
}

type qrCodeRequest struct {
	QRCodeID string `json:"qrcodeId" rule:"required,len=128"`
}

type qrCodeStatus struct {
	Status string     `json:"status"`
	Ticket string     `json:"ticket,omitzero"`
	User   *briefUser `json:"briefUserInfo,omitzero"`
}

type briefUser struct {
	DisplayName string `json:"displayName"`
	Photo       string `json:"photo"`
}

// scanStatus is the wire's word for how a scan stands.
var scanStatus = map[signin.ScanStatus]string{
	signin.ScanNew: "PENDING", signin.ScanScanned: "SCANNED", signin.ScanAllowed: "AUTHORIZED", signin.ScanCancelled: "CANCELLED", signin.ScanExpired: "EXPIRED",
}

func (a *API) brief(u *directory.User) *briefUser {
	b := &briefUser{u.DisplayName(), u.Photo}
	if b.Photo == "" {
		b.Photo = a.DefaultPhoto
	}
	return b
}

// getQRCodeStatus tells who shows a code how it stands.
func (a *API) getQRCodeStatus(ctx context.Context, in *qrCodeRequest) (*qrCodeStatus, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	x, err := a.Signin.ScanStanding(ctx, app, in.QRCodeID)
	if err != nil {
		return nil, err
	}
	out := &qrCodeStatus{Status: scanStatus[x.Status], Ticket: x.Ticket}
	if x.User != nil {
		out.User = a.brief(x.User)
	}
	return out, nil
}

type qrCodeTicketRequest struct {
	Ticket       string  `json:"ticket" rule:"required,len=128"`
	ClientID     *string `json:"client_id"`
	ClientSecret *string `json:"client_secret"`
}

func (a *API) exchangeQRCodeTicket(ctx context.Context, in *qrCodeTicketRequest) (*tokenSet, error) {
	ctx, app, err := a.client(ctx, in.ClientID, in.ClientSecret, nil)
	if err != nil {
		return nil, err
	}
	out, _, err := a.Signin.SignInScanned(ctx, app, in.Ticket, a.scanProof(ctx, app))
	return a.scanned(ctx, app, out, err)
}

// scanProof is what the request shows of the client that takes a scan.
func (a *API) scanProof(ctx context.Context, app *signin.Application) signin.Proof {
	return signin.Proof{Direct: true, Trusted: caller.From(ctx).AppProven, Cookie: browser.From(ctx).Session(app.PoolID)}
}

// scanned answers a sign-in by scanning with tokens.
func (a *API) scanned(ctx context.Context, app *signin.Application, out *signin.Outcome, err error) (*tokenSet, error) {
	if err != nil {
		return nil, err
	}
	if out.Step != nil {
		return nil, pending(out.Step)
	}
	set, err := a.Signin.IssueTokens(ctx, signin.TokenOrder{App: app, User: out.User, Session: out.Session, Scope: strings.Fields(defaultScope), Refresh: true})
	if err != nil {
		return nil, err
	}
	return viewTokens(set), nil
}

type setQRCodeStatusRequest struct {
	QRCodeID string `json:"qrcodeId" rule:"required,len=128"`
	Action   string `json:"action" rule:"required,enum=SCAN|CONFIRM|CANCEL"`
}

var scanActions = map[string]signin.ScanAction{"SCAN": signin.ScanScan, "CONFIRM": signin.ScanAllow, "CANCEL": signin.ScanCancel}

// setQRCodeStatus is what the user does who has scanned a code.
func (a *API) setQRCodeStatus(ctx context.Context, in *setQRCodeStatusRequest) (success, error) {
	c := caller.From(ctx)
	err := a.Signin.ActOnScan(ctx, c.PoolID, c.UserID, in.QRCodeID, scanActions[in.Action])
	return success{err == nil}, err
}

func (a *API) changeQRCodeStatus(ctx context.Context, in *setQRCodeStatusRequest) (struct{}, error) {
	_, err := a.setQRCodeStatus(ctx, in)
	return struct{}{}, err
}

type fastpassCode struct {
	Scene    string       `json:"scene"`
	QRCodeID string       `json:"qrcodeId"`
	APIHost  string       `json:"apiHost"`
	User     fastpassName `json:"user"`
	AppID    string       `json:"appId"`
	Pool     fastpassName `json:"userpool"`
}

type fastpassName struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Photo       string `json:"photo"`
}

type geneFastpassRequest struct {
	Options jsontext.Value `json:"options"` // for the vendor's pipelines
}

// geneFastpassQRCode makes what a signed-in user shows to an app of theirs that is not signed in.
func (a *API) geneFastpassQRCode(ctx context.Context, _ *geneFastpassRequest) (*fastpassCode, error) {
	c := caller.From(ctx)
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	u, err := a.Directory.User(ctx, c.PoolID, directory.ByID(c.UserID))
	if err != nil {
		return nil, err
	}
	p, err := a.Directory.Pool(ctx, c.PoolID)
	if err != nil {
		return nil, err
	}
	id, err := a.Signin.OfferScan(ctx, app, u.ID)
	if err != nil {
		return nil, err
	}
	b := a.brief(u)
	return &fastpassCode{Scene: "APP_LOGIN", QRCodeID: id, APIHost: a.Signin.OfferHost(), User: fastpassName{u.ID, b.DisplayName, b.Photo},
		AppID: app.ID, Pool: fastpassName{p.ID, p.Name, value(p.Settings.Logo)}}, nil
}

type fastpassParams struct {
	QRCodeID string `json:"qrcodeId" rule:"required,len=128"`
	AppID    string `json:"appId" rule:"required,len=64"`
}

type fastpassApps struct {
	Apps []fastpassApp `json:"relationApps"`
}

type fastpassApp struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Logo string `json:"logo"`
}

// getFastpassParams lists the apps that a code can sign in, for who has scanned it.
func (a *API) getFastpassParams(ctx context.Context, in *fastpassParams) (*fastpassApps, error) {
	list, err := a.Signin.OfferApplications(ctx, in.AppID, in.QRCodeID)
	if err != nil {
		return nil, err
	}
	out := &fastpassApps{Apps: []fastpassApp{}}
	for _, app := range list {
		out.Apps = append(out.Apps, fastpassApp{app.ID, app.Name, app.Logo})
	}
	return out, nil
}

func (a *API) getAppLoginQRCodeStatus(ctx context.Context, in *qrCodeRequest) (*qrCodeStatus, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	status, err := a.Signin.OfferStanding(ctx, app, in.QRCodeID)
	return &qrCodeStatus{Status: scanStatus[status]}, err
}

type appLoginRequest struct {
	Action   string `json:"action" rule:"required,enum=APP_LOGIN"`
	QRCodeID string `json:"qrcodeId" rule:"required,len=128"`
}

// qrCodeAppLogin signs an app in by the code that its user shows.
func (a *API) qrCodeAppLogin(ctx context.Context, in *appLoginRequest) (*tokenSet, error) {
	ctx, app, err := a.client(ctx, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	out, err := a.Signin.TakeOffer(ctx, app, in.QRCodeID, a.scanProof(ctx, app))
	return a.scanned(ctx, app, out, err)
}
