package signin

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Method is a first factor that SignIn knows. Passkeys and scanned codes prove their user elsewhere and go on with Establish.
type Method string

// First factors.
const (
	ByPassword Method = "PASSWORD"
	ByPasscode Method = "PASSCODE"
)

// Values of AMR beside those of second factors (RFC 8176).
const (
	AMRPassword = "pwd"
	AMRScan     = "scan" // ours: a device that was signed in already said yes
)

// Captcha is the answer to a picture.
type Captcha struct{ Token, Code string }

// Attempt is one try to sign in. One of Account (any of the three others), Username, Email and Phone says who.
type Attempt struct {
	Method                                            Method
	Account, Username, Email, Phone, PhoneCountryCode string
	Password                                          string // in the clear: facades decrypt
	Passcode                                          string
	Captcha                                           Captcha
	AutoRegister                                      bool // an unknown address with a right code becomes an account, if the application lets it
	// Direct is for doors that have no further steps: only a second factor is still demanded, unless the application has shown its secret.
	Direct, Trusted bool
	Cookie          string // of the session that the browser has, so that it can be renewed
	DeviceToken     string // of a remembered device
	// Agreements are those accepted; nil where the door shows none, and then none is asked for.
	Agreements []int64
}

// Proof is what a user has shown, whatever the door was.
type Proof struct {
	AMR             []string
	Cookie          string
	Device          string // a remembered device's token
	Direct, Trusted bool
}

// StepKind is what a sign-in still wants.
type StepKind string

// What may come between the first factor and the session, in this order.
const (
	StepMFA         StepKind = "mfa"          // a second factor: see Step.Factors
	StepFirstReset  StepKind = "first_reset"  // a new password, since an administrator has set this one or there is none
	StepForcedReset StepKind = "forced_reset" // a new password, since this one is too old
	StepComplete    StepKind = "complete"     // fields that the application asks for
)

// Step is what a sign-in wants next. Handle names the pending sign-in for fifteen minutes; it opens nothing but its own step.
type Step struct {
	Kind    StepKind
	Handle  string
	User    *directory.User
	Factors []Factor   // StepMFA: what may be shown, enrolled or not
	ByApp   bool       // StepMFA: the application asks, not the pool
	Missing []AskedFor // StepComplete
	MaySkip bool       // StepComplete
}

// Outcome is how far an attempt came: to a session, or to a step that is still wanted.
type Outcome struct {
	User    *directory.User
	Session *Session
	Cookie  string // the session's, for the browser
	Step    *Step
	New     bool // the user was registered by this attempt
}

// Errors of signing in.
var (
	// ErrPasswordWrong says that account and password do not belong together, whichever is wrong. Its argument, if there is one, is how
	// many tries are left.
	ErrPasswordWrong = fault.New(fault.Forbidden, "login_password_wrong")
	// ErrUserBlocked says that an administrator has shut the account.
	ErrUserBlocked = fault.New(fault.Forbidden, "login_user_blocked")
	// ErrEmailUnverified says that the pool lets in only those who have verified their e-mail.
	ErrEmailUnverified = fault.New(fault.Forbidden, "login_email_unverified")
	// ErrAppForbidden says that the user may not sign in to this application.
	ErrAppForbidden = fault.New(fault.Forbidden, "login_app_forbidden")
	// ErrAppDisabled says that the application is switched off.
	ErrAppDisabled = fault.New(fault.Forbidden, "login_app_disabled")
	// ErrMethodOff says that the application does not offer this way of signing in.
	ErrMethodOff = fault.New(fault.Forbidden, "login_method_off")
	// ErrFlowGone says that no sign-in is pending under a handle: it is over, took too long or failed too often.
	ErrFlowGone = fault.New(fault.Forbidden, "login_flow_gone")
)

const (
	ticketFlow TicketKind = "flow"
	flowLife              = 15 * time.Minute
	flowTries             = 5
)

// SignIn tries a first factor. It takes as long, and answers the same, for users who do not exist.
func (s *Signin) SignIn(ctx context.Context, app *Application, a Attempt) (*Outcome, error) {
	if !app.Enabled {
		return nil, ErrAppDisabled
	}
	if a.Method == ByPassword {
		if err := s.dir.PasswordsBusy(); err != nil {
			return nil, err // before anything that costs
		}
	}
	// Before any secret is looked at: whether it was right is not for those who do not agree.
	if err := s.checkAgreements(ctx, app, AgreeAtSignIn, a.Agreements); err != nil {
		return nil, err
	}
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	who, err := a.principals(app)
	if err != nil {
		return nil, err
	}
	u, err := s.dir.UserByPrincipals(ctx, app.PoolID, who)
	if err != nil && fault.As(err) == nil {
		return nil, err
	}
	if err != nil {
		u = nil
	}
	door := Door{PoolID: app.PoolID, Account: a.name(), IP: caller.From(ctx).ClientIP, Captcha: a.Captcha}
	if u != nil {
		door.UserID = u.ID
	}
	if err := s.Admit(ctx, policy, door); err != nil {
		return nil, err
	}
	var amr string
	if a.Method == ByPassword {
		amr = AMRPassword
		ok, err := s.dir.CheckPassword(ctx, u, a.Password)
		if err != nil {
			return nil, err
		}
		if !ok {
			left, err := s.refuse(ctx, app, policy, door, u, amr)
			if err != nil {
				return nil, err
			}
			wrong := *ErrPasswordWrong
			if left >= 0 {
				wrong.Args = []string{strconv.Itoa(left)}
			}
			return nil, &wrong
		}
	} else {
		amr = AMREmail
		if a.Email == "" {
			amr = AMRSMS
		}
		if err := s.SpendPasscode(ctx, app.PoolID, PurposeLogin, Address{Email: a.Email, Phone: a.Phone, PhoneCountryCode: a.PhoneCountryCode}, a.Passcode); err != nil {
			if errors.Is(err, ErrPasscodeWrong) {
				if _, other := s.refuse(ctx, app, policy, door, u, amr); other != nil {
					return nil, other
				}
			}
			return nil, err
		}
	}
	if err := s.Passed(ctx, policy, door); err != nil {
		return nil, err
	}
	isNew := false
	if u == nil {
		// The address is the person's own: they may be told that nobody has it.
		if !a.AutoRegister && !app.Settings.MergeRegister {
			return nil, directory.ErrUserNotFound
		}
		if u, err = s.registerProven(ctx, app, Address{Email: a.Email, Phone: a.Phone, PhoneCountryCode: a.PhoneCountryCode}, a.Agreements); err != nil {
			return nil, err
		}
		isNew = true
	}
	if a.Method == ByPassword && a.Email != "" && policy.VerifiedEmail && !u.EmailVerified {
		return nil, ErrEmailUnverified
	}
	if a.Method == ByPasscode {
		if err := s.addressProven(ctx, u, a); err != nil {
			return nil, err
		}
	}
	out, err := s.Establish(ctx, app, u, Proof{AMR: []string{amr}, Cookie: a.Cookie, Device: a.DeviceToken, Direct: a.Direct, Trusted: a.Trusted})
	if out != nil {
		out.New = isNew
	}
	return out, err
}

// principals are the names to look the user up by: those that the application lets in by the method.
func (a *Attempt) principals(app *Application) (p directory.Principals, err error) {
	code := a.Method == ByPasscode
	if code && (a.Email == "") == (a.Phone == "") || len(a.Account)+len(a.Username)+len(a.Email)+len(a.Phone) > 1024 {
		return p, fault.Field("account")
	}
	email, phone := LoginEmailPassword, LoginPhonePassword
	if code {
		email, phone = LoginEmailCode, LoginPhoneCode
	}
	for _, way := range []struct {
		method string
		text   string
		any    bool
		at     *string
	}{{LoginUsernamePassword, a.Username, !code, &p.Username}, {email, a.Email, !code, &p.Email}, {phone, a.Phone, !code, &p.Phone}} {
		text := way.text
		if text == "" && way.any {
			text = a.Account
		}
		if text == "" {
			continue
		}
		if app.Offers(way.method) {
			*way.at = text
		} else {
			err = ErrMethodOff
		}
	}
	p.PhoneCountryCode = a.PhoneCountryCode
	if p.Username != "" || p.Email != "" || p.Phone != "" {
		return p, nil
	}
	if err == nil {
		err = fault.Field("account")
	}
	return p, err
}

// name is what the attempt calls its user, the same for every spelling of one.
func (a *Attempt) name() string {
	for _, v := range []string{a.Account, a.Username, a.Email, a.PhoneCountryCode + a.Phone} {
		if v != "" {
			return strings.ToLower(strings.TrimSpace(v))
		}
	}
	return ""
}

// refuse counts a wrong password or code, records it, and returns how many tries are left, -1 if that is not bounded.
func (s *Signin) refuse(ctx context.Context, app *Application, policy *Policy, door Door, u *directory.User, amr string) (left int, err error) {
	// Both are recorded, in one transaction: whether there is such a user must not be told by how long it takes. What was typed in place of a
	// name is not kept: it may be a password.
	e := audit.Event{Operation: audit.Query, Resource: audit.UserLogin, AppID: app.ID, UserEvent: "login", Failed: true, After: map[string]any{"amr": amr}}
	if u != nil {
		e.TargetID, e.TargetName, e.UserID = u.ID, u.DisplayName(), u.ID
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if left, err = s.Failed(ctx, policy, door); err != nil {
			return err
		}
		return s.log.Add(ctx, app.PoolID, e)
	})
	return left, err
}

// addressProven notes that the address of a code is the user's own.
func (s *Signin) addressProven(ctx context.Context, u *directory.User, a Attempt) error {
	yes := true
	var p directory.UserPatch
	switch {
	case a.Email != "" && !u.EmailVerified && strings.EqualFold(u.Email, a.Email):
		p.EmailVerified = &yes
	case a.Phone != "" && !u.PhoneVerified && u.Phone == a.Phone:
		p.PhoneVerified = &yes
	default:
		return nil
	}
	changed, err := s.dir.UpdateUser(ctx, u.PoolID, directory.ByID(u.ID), p)
	if err == nil {
		*u = *changed
	}
	return err
}

// flowState is what a pending sign-in remembers.
type flowState struct {
	Proof Proof      `json:"proof"`
	Done  []StepKind `json:"done"`
	Step  StepKind   `json:"step"`
	Tries int        `json:"tries"`
	ByApp bool       `json:"by_app"`
	// The user's TokensAfter and PasswordSetAt when the last step was proven: another password, or whatever else calls tokens in, ends the
	// sign-ins that wait, too.
	TokensAfter   int64 `json:"tokens_after"`
	PasswordSetAt int64 `json:"password_set_at"`
}

// Flow is a sign-in that waits for a step.
type Flow struct {
	App   *Application
	User  *directory.User
	Step  StepKind
	AMR   []string
	ByApp bool
	Tries int // of the present step, wrong and right

	Handle string
	ticket *Ticket
	state  flowState
}

// Establish signs a user in who has proven who they are, by whatever first factor: it asks whether the account is open and the
// application lets them in, and returns the step that is still wanted, or else a session.
func (s *Signin) Establish(ctx context.Context, app *Application, u *directory.User, proof Proof) (*Outcome, error) {
	if !app.Enabled {
		return nil, ErrAppDisabled
	}
	if err := s.letInto(ctx, app, u); err != nil {
		return nil, err
	}
	return s.next(ctx, app, u, flowState{Proof: proof}, nil)
}

func (s *Signin) letInto(ctx context.Context, app *Application, u *directory.User) error {
	if u.PoolID != app.PoolID {
		return directory.ErrUserNotFound
	}
	switch {
	case u.Blocked():
		return ErrUserBlocked
	case !letIn(u, s.db.Now()):
		return ErrUserShut
	}
	allowed, err := s.access.AppAccess(ctx, app.PoolID, app.ID, u.ID)
	if err == nil && !allowed {
		err = ErrAppForbidden
	}
	return err
}

// next finds the step that is wanted after those that are done, or makes the session. f is the pending sign-in, nil before the first step.
func (s *Signin) next(ctx context.Context, app *Application, u *directory.User, state flowState, f *Flow) (*Outcome, error) {
	step, err := s.wanted(ctx, app, u, &state)
	if err != nil {
		return nil, err
	}
	out := &Outcome{User: u}
	if step != nil {
		state.Step, state.Tries, state.ByApp = step.Kind, 0, step.ByApp
		state.TokensAfter, state.PasswordSetAt = u.TokensAfter, u.PasswordSetAt
		if f != nil {
			step.Handle, err = f.Handle, s.UpdateTicket(ctx, f.ticket, state)
		} else {
			step.Handle, err = s.IssueTicket(ctx, app.PoolID, ticketFlow, flowLife, TicketFor{UserID: u.ID, AppID: app.ID}, state)
		}
		out.Step = step
		return out, err
	}
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	second := slices.Contains(state.Done, StepMFA)
	if second && !slices.Contains(state.Proof.AMR, AMRMulti) {
		state.Proof.AMR = append(slices.Clone(state.Proof.AMR), AMRMulti)
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if f != nil {
			if _, err := s.SpendTicket(ctx, ticketFlow, f.Handle, nil); err != nil {
				return err
			}
		}
		// The user is held before the session, as by who changes a password.
		if err := s.asProven(ctx, u); err != nil {
			return err
		}
		if err := s.dir.SignedIn(ctx, u, app.ID, caller.From(ctx).ClientIP, second); err != nil {
			return err
		}
		if out.Session, out.Cookie, err = s.newSession(ctx, app, u, policy, state.Proof); err != nil {
			return err
		}
		return s.log.Add(ctx, app.PoolID, audit.Event{Operation: audit.Create, Resource: audit.UserLogin, TargetID: u.ID, TargetName: u.DisplayName(),
			UserID: u.ID, AppID: app.ID, UserEvent: "login", After: map[string]any{"session": out.Session.ID, "amr": strings.Join(state.Proof.AMR, " ")}})
	})
	if err != nil {
		return nil, flowOver(err)
	}
	return out, nil
}

// asProven holds the user's row and reports whether what they have proven still counts: an account that was shut, a password that was
// replaced or tokens that were called in while its owner, or somebody else, was signing in. ErrUserShut, ErrFlowGone.
func (s *Signin) asProven(ctx context.Context, u *directory.User) error {
	now, err := s.dir.UserForUpdate(ctx, u.PoolID, u.ID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return ErrFlowGone
	case err != nil:
		return err
	case !letIn(now, s.db.Now()):
		return ErrUserShut
	case now.PasswordSetAt != u.PasswordSetAt, now.TokensAfter != u.TokensAfter:
		return ErrFlowGone
	}
	return nil
}

// wanted is the first step that is demanded and not done, nil when there is none.
func (s *Signin) wanted(ctx context.Context, app *Application, u *directory.User, state *flowState) (*Step, error) {
	done := func(k StepKind) bool { return slices.Contains(state.Done, k) }
	if !done(StepMFA) && !(state.Proof.Direct && state.Proof.Trusted) {
		demanded, byApp, offers, err := s.FactorsDemanded(ctx, app, u, state.Proof.AMR, state.Proof.Device)
		if err != nil {
			return nil, err
		}
		if demanded {
			return &Step{Kind: StepMFA, User: u, Factors: offers, ByApp: byApp}, nil
		}
	}
	if state.Proof.Direct {
		return nil, nil
	}
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	byCode := slices.Contains(state.Proof.AMR, AMREmail) || slices.Contains(state.Proof.AMR, AMRSMS)
	if first := u.ResetPasswordOnLogin && u.Password != "" || policy.CompletePassword && u.Password == "" && byCode; first && !done(StepFirstReset) {
		return &Step{Kind: StepFirstReset, User: u}, nil
	}
	age := policy.Password.MaxAge * 1000
	if age > 0 && slices.Contains(state.Proof.AMR, AMRPassword) && !done(StepForcedReset) && !done(StepFirstReset) && s.db.Now()-u.PasswordSetAt > age {
		return &Step{Kind: StepForcedReset, User: u}, nil
	}
	if slices.Contains(app.Settings.CompletionAt, AtLogin) && !done(StepComplete) {
		missing, err := s.missingFields(ctx, app, u)
		if err != nil || len(missing) == 0 {
			return nil, err
		}
		return &Step{Kind: StepComplete, User: u, Missing: missing, MaySkip: app.Settings.SkipCompletion}, nil
	}
	return nil, nil
}

// missingFields are the fields that the application asks for and the user has not.
func (s *Signin) missingFields(ctx context.Context, app *Application, u *directory.User) ([]AskedFor, error) {
	var missing []AskedFor
	var custom []directory.Value
	for _, f := range app.Settings.CompletionFields {
		if f.Custom && custom == nil {
			values, err := s.dir.Values(ctx, u.PoolID, directory.UserTarget, []string{u.ID})
			if err != nil {
				return nil, err
			}
			custom = values[u.ID]
		}
		var has bool
		if f.Custom {
			has = slices.ContainsFunc(custom, func(v directory.Value) bool { return v.Key == f.Name })
		} else {
			text, known := plainField(u, f.Name)
			has = !known || text != "" && (f.Name != "gender" || text != "U")
		}
		if !has {
			missing = append(missing, f)
		}
	}
	return missing, nil
}

// Flow returns the sign-in that is pending under a handle, or ErrFlowGone.
func (s *Signin) Flow(ctx context.Context, handle string) (*Flow, error) {
	f := &Flow{Handle: handle}
	var err error
	if f.ticket, err = s.PeekTicket(ctx, ticketFlow, handle, &f.state); err != nil {
		return nil, flowOver(err)
	}
	if f.App, err = s.Application(ctx, f.ticket.AppID); err != nil {
		return nil, flowOver(err)
	}
	if f.User, err = s.dir.User(ctx, f.ticket.PoolID, directory.ByID(f.ticket.UserID)); err != nil {
		return nil, flowOver(err)
	}
	// A password that another sign-in has replaced since ends this one; its own step may have done so.
	replaces := slices.Contains(f.state.Done, StepFirstReset) || slices.Contains(f.state.Done, StepForcedReset)
	if f.User.TokensAfter != f.state.TokensAfter || f.User.PasswordSetAt != f.state.PasswordSetAt || !replaces && !s.tokenHolds(f.User, f.ticket.CreatedAt) {
		return nil, ErrFlowGone
	}
	f.Step, f.AMR, f.ByApp, f.Tries = f.state.Step, f.state.Proof.AMR, f.state.ByApp, f.state.Tries
	return f, nil
}

// flowOver is err in the words of flows: whatever a handle is not good for, it names no pending sign-in.
func flowOver(err error) error {
	if errors.Is(err, ErrTicketInvalid) || errors.Is(err, ErrTicketUsed) || errors.Is(err, ErrTicketChanged) || fault.KindOf(err) == fault.NotFound {
		return ErrFlowGone.Because(err)
	}
	return err
}

// FlowTry counts a try of the present step BEFORE anything is compared, so that many tries at once are not more than as many one after
// another. ErrFlowGone for the sixth, which ends the sign-in.
func (s *Signin) FlowTry(ctx context.Context, f *Flow) error {
	for range flowTries + 1 {
		f.state.Tries++
		if f.state.Tries > flowTries {
			_, err := s.SpendTicket(ctx, ticketFlow, f.Handle, nil)
			if err == nil {
				err = ErrFlowGone
			}
			return flowOver(err)
		}
		err := s.UpdateTicket(ctx, f.ticket, f.state)
		f.Tries = f.state.Tries
		if !errors.Is(err, ErrTicketChanged) {
			return flowOver(err)
		}
		again, err := s.Flow(ctx, f.Handle)
		if err != nil {
			return err
		}
		*f = *again
	}
	return ErrFlowGone
}

// Advance goes on after the present step has been proven, by the way that amr names, if it names one: to the next step or to a session.
// Of several who advance one flow at once, one comes through.
func (s *Signin) Advance(ctx context.Context, f *Flow, done StepKind, amr string) (*Outcome, error) {
	if f.Step != done {
		return nil, ErrFlowGone
	}
	if err := s.letInto(ctx, f.App, f.User); err != nil {
		return nil, err
	}
	state := f.state
	state.Done = append(slices.Clone(state.Done), done)
	if amr != "" {
		state.Proof.AMR = append(slices.Clone(state.Proof.AMR), amr)
	}
	out, err := s.next(ctx, f.App, f.User, state, f)
	return out, flowOver(err)
}
