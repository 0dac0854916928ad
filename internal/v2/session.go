package v2

import (
	"context"
	"math"
	"net/http"
	"strings"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// ownInput is that of calls about the user who asks.
type ownInput struct {
	WithCustomData bool `json:"withCustomData" rule:"default=false"`
}

// me answers the user whose token it is, with that token.
func (a *API) me(ctx context.Context, in *ownInput) (*user, error) {
	c := caller.From(ctx)
	u, err := a.dir.User(ctx, c.PoolID, directory.ByID(c.UserID))
	if err != nil {
		return nil, err
	}
	return a.showSelf(ctx, u, withCustomData(in.WithCustomData))
}

type checkStatusInput struct {
	Token string `json:"token"`
}

// checkStatus is checkLoginStatus for REST, without an envelope.
func (a *API) checkStatus(ctx context.Context, in *checkStatusInput) (raw, error) {
	status, err := a.checkLoginStatus(ctx, &tokenInput{in.Token})
	if err != nil {
		return nil, err
	}
	return encodeRaw(status)
}

type trackedSession struct {
	Session  *ssoSession `json:"session"`
	UserInfo *user       `json:"userInfo,omitzero"`
}

type ssoSession struct {
	ID     string    `json:"_id"`
	Cookie ssoCookie `json:"cookie"`
	AppID  string    `json:"appId"`
	Type   string    `json:"type"`
	UserID string    `json:"userId"`
}

type ssoCookie struct {
	OriginalMaxAge int64  `json:"originalMaxAge"` // milliseconds
	Expires        string `json:"expires"`
	HTTPOnly       bool   `json:"httpOnly"`
	Path           string `json:"path"`
}

// trackSession tells a page of the application who is signed in to the browser that shows it, if they may enter the application. It is the
// one call of this wire that answers for a cookie alone: pages of strangers learn nothing.
func (a *API) trackSession(ctx context.Context, _ *noInput) (raw, error) {
	nobody := trackedSession{}
	ctx, app, err := a.atDoor(ctx)
	if fault.KindOf(err) == fault.NotFound {
		return encodeRaw(nobody)
	}
	if err != nil {
		return nil, err
	}
	x, u, err := a.ownSession(ctx, app)
	if err != nil {
		return nil, err
	}
	if x == nil || app.NeedsConsent() { // nobody has been asked whether a stranger's application may know
		return encodeRaw(nobody)
	}
	opens, err := a.signin.Opens(ctx, app, x, u, math.MaxInt64)
	if err != nil && fault.KindOf(err) != fault.Forbidden {
		return nil, err
	}
	if !opens {
		return encodeRaw(nobody)
	}
	t, err := a.signin.V2Token(ctx, app, x, u)
	if err != nil {
		return nil, err
	}
	v, err := a.showOne(ctx, u, detail{identities: true})
	if err != nil {
		return nil, err
	}
	v.Token, v.TokenExpiredAt = &t.Text, timeText(t.ExpiresAt*1000)
	return encodeRaw(trackedSession{UserInfo: v, Session: &ssoSession{ID: x.ID, AppID: x.AppID, Type: "oidc", UserID: u.ID,
		Cookie: ssoCookie{OriginalMaxAge: x.ExpiresAt - x.CreatedAt, Expires: isoTime(x.ExpiresAt), HTTPOnly: true, Path: "/"}}})
}

// ownSession is the session of the browser that calls, and its user; nil when it has none, or when the page that calls is no page of the
// application or its pool.
func (a *API) ownSession(ctx context.Context, app *signin.Application) (*signin.Session, *directory.User, error) {
	cookie, err := a.ownCookie(ctx, app)
	if err != nil || cookie == "" {
		return nil, nil, err
	}
	x, u, err := a.signin.SessionByCookie(ctx, app.PoolID, cookie)
	if fault.KindOf(err) == fault.Unauthenticated {
		return nil, nil, nil
	}
	return x, u, err
}

// ownCookie is the session's cookie, "" when there is none, or when the page that calls is no page of the application or its pool.
func (a *API) ownCookie(ctx context.Context, app *signin.Application) (string, error) {
	b := browser.From(ctx)
	cookie, origin := b.Session(app.PoolID), b.Origin()
	if b.Foreign() && origin == "" {
		return "", nil
	}
	if cookie == "" || origin == "" {
		return cookie, nil
	}
	allowed, err := a.signin.OriginAllowed(ctx, app.PoolID, app.ID, origin)
	if err != nil || !allowed {
		return "", err
	}
	return cookie, nil
}

type logoutInput struct {
	UserID   string `json:"userId"`
	AppID    string `json:"appId"`
	AppIDToo string `json:"app_id"`
}

// logout ends sign-ins: with a management token those of the user whom it names, of one application or of all; otherwise those of the
// token that comes along and of the browser that calls. To be signed out already is no failure.
func (a *API) logout(ctx context.Context, in *logoutInput) (struct{}, error) {
	c := caller.From(ctx)
	if c.Kind == caller.Key || c.Kind == caller.System {
		return struct{}{}, a.logoutUser(ctx, in)
	}
	if c.Kind == caller.User {
		if err := a.signin.SignOut(ctx, bearingOf(ctx).token); err != nil {
			return struct{}{}, err
		}
	}
	ctx, app, err := a.atDoor(ctx)
	if fault.KindOf(err) == fault.NotFound {
		return struct{}{}, nil
	}
	if err != nil {
		return struct{}{}, err
	}
	cookie, err := a.ownCookie(ctx, app)
	if err != nil || cookie == "" {
		return struct{}{}, err
	}
	x, _, err := a.signin.SessionByCookie(ctx, app.PoolID, cookie)
	if err == nil {
		err = a.signin.EndSession(ctx, x.PoolID, x.ID)
	} else if fault.KindOf(err) == fault.Unauthenticated {
		err = nil // it has ended already, with the token
	}
	if err != nil {
		return struct{}{}, err
	}
	browser.From(ctx).ClearSession(app.PoolID)
	return struct{}{}, nil
}

func (a *API) logoutUser(ctx context.Context, in *logoutInput) error {
	if in.UserID == "" {
		return fault.Field("userId")
	}
	pool := caller.From(ctx).PoolID
	u, err := a.dir.User(ctx, pool, directory.ByID(in.UserID))
	if err != nil {
		return err
	}
	app := in.AppID
	if app == "" {
		app = in.AppIDToo
	}
	if app != "" {
		return a.signin.EndAppSessions(ctx, pool, u.ID, []string{app})
	}
	return a.endLogins(ctx, pool, []directory.User{*u}, "")
}

// leave is /login/profile/logout, where browsers are sent to sign out: it ends the sessions whose cookies they show and sends them to
// redirect_uri, if an application of the pool has registered it as the place for that, or else to the page that says they are out.
func (a *API) leave(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	to := r.URL.Query().Get("redirect_uri")
	allowed := false
	pools, err := a.leftPools(r)
	for _, pool := range pools {
		x, _, failure := a.signin.SessionByCookie(ctx, pool, browser.From(ctx).Session(pool))
		if failure == nil {
			failure = a.signin.EndSession(ctx, pool, x.ID)
		} else if fault.KindOf(failure) == fault.Unauthenticated {
			failure = nil
		}
		if failure == nil {
			browser.From(ctx).ClearSession(pool)
		}
		if err == nil {
			err = failure
		}
		if to != "" && !allowed {
			known, failure := a.signin.LogoutRedirectKnown(ctx, pool, to)
			allowed = known
			if err == nil {
				err = failure
			}
		}
	}
	switch {
	case err != nil:
		restWire{a}.Fail(w, r, nil, caller.From(ctx), err)
		return
	case !allowed:
		to = a.baseURL + "/oidc/session/end"
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusFound)
}

// leftPools are the pools that the request's cookies are of; none is the default one.
func (a *API) leftPools(r *http.Request) ([]string, error) {
	var pools []string
	for _, c := range r.Cookies() {
		_, id, ok := strings.Cut(c.Name, "guildhall-")
		if ok && db.IsID(id) && len(id) == 24 && len(pools) < 10 {
			pools = append(pools, id)
		}
	}
	if pools == nil {
		p, err := a.dir.DefaultPool(r.Context())
		if fault.KindOf(err) == fault.NotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		pools = append(pools, p.ID)
	}
	return pools, nil
}
