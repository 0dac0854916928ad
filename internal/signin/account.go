package signin

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

const (
	ticketReset  TicketKind = "reset"
	ticketDelete TicketKind = "delete_account"

	resetLife  = 15 * time.Minute
	deleteLife = 5 * time.Minute
)

// Errors of accounts.
var (
	ErrOldPasswordNeeded = fault.New(fault.Invalid, "old_password_missing")
	ErrOldPasswordWrong  = fault.New(fault.Forbidden, "old_password_wrong")
	ErrPasswordUnchanged = fault.New(fault.Unprocessable, "password_unchanged")
	ErrProofMissing      = fault.New(fault.Invalid, "proof_missing")
)

// ownUser is a user of the application's pool who acts for themselves.
func (s *Signin) ownUser(ctx context.Context, app *Application, userID string) (*directory.User, error) {
	return s.dir.User(ctx, app.PoolID, directory.ByID(userID))
}

// checkNewPassword holds a password that a person chooses against the pool's rules. u is whose it is to be, nil for a new account.
func (s *Signin) checkNewPassword(ctx context.Context, policy *Policy, plain string, u *directory.User, names ...string) error {
	if u != nil {
		names = append(names, u.Username, u.Email, u.Phone)
	}
	if err := policy.Password.Check(plain, names...); err != nil {
		return err
	}
	if u == nil || u.Password == "" || policy.Password.Differs == 0 {
		return nil
	}
	same, err := s.dir.CheckPassword(ctx, u, plain)
	if n := policy.Password.Differs - 1; err == nil && !same && n > 0 {
		same, err = s.dir.PasswordBefore(ctx, u.PoolID, u.ID, plain, n)
	}
	if err == nil && same {
		err = ErrPasswordUnchanged
	}
	return err
}

// StartReset begins what a forgotten password asks for: the code that was sent to an address of theirs (PurposeResetPassword) is
// exchanged for a token, which ResetPassword takes once within life.
func (s *Signin) StartReset(ctx context.Context, app *Application, to Address, code string) (token string, u *directory.User, life time.Duration, err error) {
	if !app.Enabled {
		return "", nil, 0, ErrAppDisabled
	}
	ctx, to = at(ctx, app), to.only()
	if to == (Address{}) {
		return "", nil, 0, ErrAddressMissing
	}
	spend, err := s.addressProof(ctx, app, PurposeResetPassword, to, code)
	if err != nil {
		return "", nil, 0, err
	}
	// The address is the person's own: they may be told that nobody has it.
	if u, err = s.userAt(ctx, app.PoolID, to); err != nil {
		return "", nil, 0, err
	}
	if !letIn(u, s.db.Now()) {
		return "", nil, 0, ErrUserShut
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := spend(ctx); err != nil {
			return err
		}
		var err error
		token, err = s.IssueTicket(ctx, app.PoolID, ticketReset, resetLife, TicketFor{UserID: u.ID, AppID: app.ID}, nil)
		return err
	})
	return token, u, resetLife, err
}

// ResetPassword gives the user of a token of StartReset a new password. All of their sessions and tokens end, and a lock on the account
// is lifted. Of those who use one token at once, on all servers, one succeeds.
func (s *Signin) ResetPassword(ctx context.Context, app *Application, token, password string) (*directory.User, error) {
	ctx = at(ctx, app)
	t, err := s.PeekTicket(ctx, ticketReset, token, nil)
	if err != nil {
		return nil, err
	}
	if t.PoolID != app.PoolID {
		return nil, ErrTicketInvalid
	}
	u, err := s.ownUser(ctx, app, t.UserID)
	if err != nil {
		return nil, err
	}
	return s.setPassword(ctx, app, u, password, "", func(ctx context.Context) error {
		_, err := s.SpendTicket(ctx, ticketReset, token, nil)
		return err
	})
}

// ResetPasswordByCode is StartReset and ResetPassword in one, for the wire that has one call: a password that is refused leaves the code
// to be used again.
func (s *Signin) ResetPasswordByCode(ctx context.Context, app *Application, to Address, code, password string) (*directory.User, error) {
	if !app.Enabled {
		return nil, ErrAppDisabled
	}
	ctx, to = at(ctx, app), to.only()
	if to == (Address{}) {
		return nil, ErrAddressMissing
	}
	spend, err := s.addressProof(ctx, app, PurposeResetPassword, to, code)
	if err != nil {
		return nil, err
	}
	u, err := s.userAt(ctx, app.PoolID, to)
	if err != nil {
		return nil, err
	}
	if !letIn(u, s.db.Now()) {
		return nil, ErrUserShut
	}
	return s.setPassword(ctx, app, u, password, "", spend)
}

// setPassword gives a user a password that they have chosen, in one transaction with spend, which uses up what permits it, and then,
// which may be nil. Sessions and tokens end, but for the session keep; tokens that could reset the password end too.
func (s *Signin) setPassword(ctx context.Context, app *Application, u *directory.User, password, keep string, spend func(context.Context) error,
	then ...func(context.Context, *directory.User) error) (*directory.User, error) {
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	if password == "" {
		return nil, ErrPasswordMissing
	}
	if err := s.checkNewPassword(ctx, policy, password, u); err != nil {
		return nil, err
	}
	ready, err := s.preparedPassword(ctx, app.PoolID, password)
	if err != nil {
		return nil, err
	}
	var after *directory.User
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := spend(ctx); err != nil {
			return err
		}
		var err error
		after, err = s.dir.UpdateUser(ctx, app.PoolID, directory.ByID(u.ID), directory.UserPatch{Password: ready, Event: "updateUserPassword"})
		if err != nil {
			return err
		}
		if n := policy.Password.Differs - 1; n > 0 {
			if err := s.dir.KeepPassword(ctx, u, n); err != nil {
				return err
			}
		}
		if err := s.EndSessions(ctx, app.PoolID, u.ID, keep); err != nil {
			return err
		}
		if err := s.DropTickets(ctx, app.PoolID, ticketReset, u.ID); err != nil {
			return err
		}
		for _, f := range then {
			if err := f(ctx, after); err != nil {
				return err
			}
		}
		return s.UnlockUser(ctx, app.PoolID, u.ID)
	})
	return after, err
}

// doorOf is where a user is asked for a secret of theirs once more.
func (s *Signin) doorOf(ctx context.Context, app *Application, u *directory.User) Door {
	return Door{PoolID: app.PoolID, Account: u.ID, UserID: u.ID, IP: caller.From(ctx).ClientIP}
}

// PasswordChange is a user's wish for another password.
type PasswordChange struct {
	Old, New   string // plain; Old may be empty for a user who has no password
	ResetToken string // in place of Old: a token of StartReset
	Captcha    Captcha
	Keep       string // the session that goes on; the user's others end
}

// UpdatePassword changes the password of a user who is signed in. A wrong old one is counted as a failed sign-in is, and is
// ErrOldPasswordWrong; none, where there is one, is ErrOldPasswordNeeded. All sessions and tokens end but those of the session Keep.
func (s *Signin) UpdatePassword(ctx context.Context, app *Application, userID string, c PasswordChange) (*directory.User, error) {
	ctx = at(ctx, app)
	u, err := s.ownUser(ctx, app, userID)
	if err != nil {
		return nil, err
	}
	if c.ResetToken != "" {
		t, err := s.PeekTicket(ctx, ticketReset, c.ResetToken, nil)
		if err != nil {
			return nil, err
		}
		if t.PoolID != app.PoolID || t.UserID != u.ID {
			return nil, ErrTicketInvalid
		}
		return s.setPassword(ctx, app, u, c.New, c.Keep, func(ctx context.Context) error {
			_, err := s.SpendTicket(ctx, ticketReset, c.ResetToken, nil)
			return err
		})
	}
	if u.Password != "" {
		if c.Old == "" {
			return nil, ErrOldPasswordNeeded
		}
		if err := s.provePassword(ctx, app, u, c.Old, c.Captcha); err != nil {
			return nil, err
		}
	}
	return s.setPassword(ctx, app, u, c.New, c.Keep, func(ctx context.Context) error { return s.unchanged(ctx, u) })
}

// unchanged refuses to go on with what was proven against a password that has been changed meanwhile.
func (s *Signin) unchanged(ctx context.Context, u *directory.User) error {
	now, err := s.dir.UserForUpdate(ctx, u.PoolID, u.ID)
	if err == nil && now.Password != u.Password && now.PasswordSetAt != u.PasswordSetAt {
		err = ErrOldPasswordWrong
	}
	return err
}

// provePassword checks a password that a user who is signed in has shown, through the guard.
func (s *Signin) provePassword(ctx context.Context, app *Application, u *directory.User, plain string, captcha Captcha) error {
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return err
	}
	door := s.doorOf(ctx, app, u)
	door.Captcha = captcha
	if err := s.Admit(ctx, policy, door); err != nil {
		return err
	}
	ok, err := s.dir.CheckPassword(ctx, u, plain)
	if err != nil {
		return err
	}
	if !ok {
		if _, err := s.Failed(ctx, policy, door); err != nil {
			return err
		}
		return ErrOldPasswordWrong
	}
	return s.Passed(ctx, policy, door)
}

// FirstPassword answers StepFirstReset: the password that an administrator has set, or none, gives way to the person's own, and the
// sign-in goes on. Of those who answer one flow at once, one comes through.
func (s *Signin) FirstPassword(ctx context.Context, f *Flow, password string) (*Outcome, error) {
	return s.flowPassword(ctx, f, StepFirstReset, password)
}

// ForcedPassword answers StepForcedReset: the old password once more, and a new one. Five wrong old ones end the sign-in.
func (s *Signin) ForcedPassword(ctx context.Context, f *Flow, old, password string) (*Outcome, error) {
	if f.Step != StepForcedReset {
		return nil, ErrFlowGone
	}
	if old == "" {
		return nil, ErrOldPasswordNeeded
	}
	if err := s.FlowTry(ctx, f); err != nil {
		return nil, err
	}
	if err := s.provePassword(at(ctx, f.App), f.App, f.User, old, Captcha{}); err != nil {
		return nil, err
	}
	if old == password {
		return nil, ErrPasswordUnchanged
	}
	return s.flowPassword(ctx, f, StepForcedReset, password)
}

func (s *Signin) flowPassword(ctx context.Context, f *Flow, step StepKind, password string) (*Outcome, error) {
	if f.Step != step {
		return nil, ErrFlowGone
	}
	ctx = at(ctx, f.App)
	var out *Outcome
	_, err := s.setPassword(ctx, f.App, f.User, password, "", func(ctx context.Context) error { return s.asProven(ctx, f.User) },
		func(ctx context.Context, after *directory.User) error {
			g := *f
			g.User = after
			var err error
			out, err = s.Advance(ctx, &g, step, "")
			return err
		})
	return out, err
}

// Complete answers StepComplete: the user fills in what the application asks for, and the sign-in goes on. A required field that is
// still missing is Invalid "completion_missing" (name).
func (s *Signin) Complete(ctx context.Context, f *Flow, p ProfilePatch) (*Outcome, error) {
	if f.Step != StepComplete {
		return nil, ErrFlowGone
	}
	u, err := s.changeProfile(at(ctx, f.App), f.App, f.User.ID, p, true)
	if err != nil {
		return nil, err
	}
	missing, err := s.missingFields(ctx, f.App, u)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(missing, func(a AskedFor) bool { return a.Required }); i >= 0 {
		return nil, fault.New(fault.Invalid, "completion_missing", missing[i].Name)
	}
	g := *f
	g.User = u
	return s.Advance(ctx, &g, StepComplete, "")
}

// SkipCompletion goes on without what the application asks for, where it lets users leave it for later; ErrFlowGone elsewhere.
func (s *Signin) SkipCompletion(ctx context.Context, f *Flow) (*Outcome, error) {
	if f.Step != StepComplete || !f.App.Settings.SkipCompletion {
		return nil, ErrFlowGone
	}
	return s.Advance(ctx, f, StepComplete, "")
}

// ProfilePatch is what a user wants to be known of them. EmailProof and PhoneProof are as in Registration: without them an e-mail
// address or a number cannot be changed here.
type ProfilePatch struct {
	directory.UserInput
	Custom                 map[string]jsontext.Value // a null removes the value
	EmailProof, PhoneProof string
}

// UpdateProfile changes what a user may change of themselves: the fields that the pool has not shut to them and the custom fields it has
// opened. A field that stays as it is may be sent along. ErrFieldNotWritable, ErrEmailUnproven and ErrPhoneUnproven say what is not theirs.
func (s *Signin) UpdateProfile(ctx context.Context, app *Application, userID string, p ProfilePatch) (*directory.User, error) {
	return s.changeProfile(at(ctx, app), app, userID, p, false)
}

// SetOwnValues changes a user's own custom values: those of fields that the pool has opened to them.
func (s *Signin) SetOwnValues(ctx context.Context, app *Application, userID string, values map[string]jsontext.Value) error {
	_, err := s.UpdateProfile(ctx, app, userID, ProfilePatch{Custom: values})
	return err
}

func (s *Signin) changeProfile(ctx context.Context, app *Application, userID string, p ProfilePatch, completing bool) (*directory.User, error) {
	u, err := s.ownUser(ctx, app, userID)
	if err != nil {
		return nil, err
	}
	p.Strict = true
	changes := p.Changes(u)
	var spends []func(context.Context) error
	prove := func(purpose Purpose, to Address, proof string, unproven error) error {
		if proof == "" {
			return unproven
		}
		spend, err := s.addressProof(ctx, app, purpose, to.only(), proof)
		if err == nil {
			spends = append(spends, spend)
		}
		return err
	}
	yes := true
	if slices.Contains(changes, "email") {
		if err := prove(PurposeComplete, Address{Email: *p.Email}, p.EmailProof, ErrEmailUnproven); err != nil {
			return nil, err
		}
		p.EmailVerified = &yes
	}
	if slices.Contains(changes, "phone") || slices.Contains(changes, "phoneCountryCode") {
		to := phoneOf(u)
		if p.Phone != nil {
			to.Phone = *p.Phone
		}
		if p.PhoneCountryCode != nil {
			to.PhoneCountryCode = *p.PhoneCountryCode
		}
		if err := prove(PurposeComplete, to, p.PhoneProof, ErrPhoneUnproven); err != nil {
			return nil, err
		}
		p.PhoneVerified = &yes
	}
	if slices.Contains(changes, "username") && *p.Username != "" {
		if err := s.checkUsername(ctx, app.PoolID, *p.Username, u); err != nil {
			return nil, err
		}
	}
	proven := p.UserInput
	p.Email, p.EmailVerified, p.Phone, p.PhoneCountryCode, p.PhoneVerified = nil, nil, nil, nil, nil
	if err := s.checkOwn(ctx, app, &p.UserInput, u, completing); err != nil {
		return nil, err
	}
	if len(spends) > 0 {
		p.UserInput = proven
	}
	if err := s.checkOwnValues(ctx, app, p.Custom, completing); err != nil {
		return nil, err
	}
	var after *directory.User
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		for _, spend := range spends {
			if err := spend(ctx); err != nil {
				return err
			}
		}
		var err error
		after, err = s.dir.UpdateUser(ctx, app.PoolID, directory.ByID(userID), directory.UserPatch{UserInput: p.UserInput, Custom: p.Custom, Event: "updateUserPrefile"})
		if err != nil || len(spends) == 0 {
			return err
		}
		return s.DropTickets(ctx, app.PoolID, ticketReset, userID)
	})
	return after, err
}

// checkOwn refuses what a user, who is u, may not write of themselves; what stays as it is, is nobody's business. first says that they
// give it for the first time: at registration, or because the application asks for it.
func (s *Signin) checkOwn(ctx context.Context, app *Application, in *directory.UserInput, u *directory.User, first bool) error {
	changes := in.Changes(u)
	if first {
		changes = slices.DeleteFunc(changes, func(name string) bool { return name == "email" || name == "phone" || name == "phoneCountryCode" })
	}
	if len(changes) == 0 {
		return nil
	}
	for _, name := range changes {
		if !ownFields[name] {
			return ErrFieldNotWritable(name)
		}
	}
	fields, err := s.dir.BaseFields(ctx, app.PoolID)
	if err != nil {
		return err
	}
	for _, f := range fields {
		// What other systems know a person by is nobody's to make up, the first time neither: unless the application asks for it.
		if first && (!identifies[f.Key] || slices.ContainsFunc(app.Settings.CompletionFields, func(a AskedFor) bool { return !a.Custom && a.Name == f.Key })) {
			continue
		}
		if !f.UserEditable && slices.Contains(changes, f.Key) && f.Key != "browser" && f.Key != "device" {
			return ErrFieldNotWritable(f.Key)
		}
	}
	return nil
}

// checkOwnValues refuses custom values that are not for users to write: all but those of fields that the pool has opened to them and, the
// first time, of those that the application asks for.
func (s *Signin) checkOwnValues(ctx context.Context, app *Application, values map[string]jsontext.Value, first bool) error {
	if len(values) == 0 {
		return nil
	}
	fields, err := s.dir.Fields(ctx, app.PoolID, directory.UserTarget)
	if err != nil {
		return err
	}
	for _, f := range fields {
		asked := first && slices.ContainsFunc(app.Settings.CompletionFields, func(a AskedFor) bool { return a.Custom && a.Name == f.Key })
		if _, ok := values[f.Key]; ok && !f.UserEditable && !asked {
			return ErrFieldNotWritable(f.Key)
		}
	}
	return nil // what is no field is the directory's to refuse
}

// OwnValues are a user's custom values as far as the pool lets users see them.
func (s *Signin) OwnValues(ctx context.Context, poolID, userID string) ([]directory.Value, error) {
	values, err := s.dir.Values(ctx, poolID, directory.UserTarget, []string{userID})
	if err != nil || len(values[userID]) == 0 {
		return nil, err
	}
	fields, err := s.dir.Fields(ctx, poolID, directory.UserTarget)
	if err != nil {
		return nil, err
	}
	visible := map[string]bool{}
	for _, f := range fields {
		visible[f.Key] = f.UserVisible
	}
	return slices.DeleteFunc(values[userID], func(v directory.Value) bool { return !visible[v.Key] }), nil
}

// DeletionProof is what shows that somebody who wants an account to be deleted is its user: their password, or the code that was sent
// to an address of theirs (PurposeDelete).
type DeletionProof struct {
	Password string // plain
	Captcha  Captcha
	Address  Address // empty with a Code: the user's e-mail address
	Code     string
}

// ProveDeletion exchanges a proof for a token, which DeleteAccount takes once within life.
func (s *Signin) ProveDeletion(ctx context.Context, app *Application, userID string, p DeletionProof) (token string, life time.Duration, err error) {
	ctx = at(ctx, app)
	u, err := s.ownUser(ctx, app, userID)
	if err != nil {
		return "", 0, err
	}
	spend := func(context.Context) error { return nil }
	switch {
	case p.Code != "":
		to := p.Address.only()
		if to == (Address{}) {
			to = emailOf(u)
		}
		if !to.same(emailOf(u)) && !to.same(phoneOf(u)) {
			return "", 0, ErrPasscodeWrong
		}
		if spend, err = s.addressProof(ctx, app, PurposeDelete, to, p.Code); err != nil {
			return "", 0, err
		}
	case p.Password != "":
		if err := s.provePassword(ctx, app, u, p.Password, p.Captcha); err != nil {
			return "", 0, err
		}
	default:
		return "", 0, ErrProofMissing
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := spend(ctx); err != nil {
			return err
		}
		var err error
		token, err = s.IssueTicket(ctx, app.PoolID, ticketDelete, deleteLife, TicketFor{UserID: u.ID, AppID: app.ID}, nil)
		return err
	})
	return token, deleteLife, err
}

// DeleteAccount deletes the account of a user for good, with all that is theirs.
func (s *Signin) DeleteAccount(ctx context.Context, app *Application, userID, token string) error {
	ctx = at(ctx, app)
	t, err := s.PeekTicket(ctx, ticketDelete, token, nil)
	if err != nil {
		return err
	}
	if t.PoolID != app.PoolID || t.UserID != userID {
		return ErrTicketInvalid
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if _, err := s.SpendTicket(ctx, ticketDelete, token, nil); err != nil {
			return err
		}
		if err := s.EndSessions(ctx, app.PoolID, userID, ""); err != nil {
			return err
		}
		if err := s.DropTickets(ctx, app.PoolID, ticketReset, userID); err != nil {
			return err
		}
		return s.dir.DeleteOwn(ctx, app.PoolID, userID)
	})
}

// CheckAccount tells whether a password is right for an account, by the attempt's names and its Password. It signs nobody in, and
// passes the guard as a sign-in does: a wrong one counts, and a locked account is refused.
func (s *Signin) CheckAccount(ctx context.Context, app *Application, a Attempt) (bool, error) {
	ctx = at(ctx, app)
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return false, err
	}
	p := directory.Principals{Username: a.Username, Email: a.Email, Phone: a.Phone, PhoneCountryCode: a.PhoneCountryCode}
	if p.Username == "" && p.Email == "" && p.Phone == "" {
		return false, fault.Field("username")
	}
	u, err := s.dir.UserByPrincipals(ctx, app.PoolID, p)
	switch {
	case errors.Is(err, directory.ErrUserNotFound):
		u = nil
	case err != nil:
		return false, err
	}
	door := Door{PoolID: app.PoolID, Account: a.name(), IP: caller.From(ctx).ClientIP, Captcha: a.Captcha}
	if u != nil {
		door.UserID = u.ID
	}
	if err := s.Admit(ctx, policy, door); err != nil {
		return false, err
	}
	ok, err := s.dir.CheckPassword(ctx, u, a.Password)
	if err != nil {
		return false, err
	}
	if !ok {
		_, err := s.Failed(ctx, policy, door)
		return false, err
	}
	return true, s.Passed(ctx, policy, door)
}
