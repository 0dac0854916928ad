package signin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// FactorProof is what somebody shows for the second factor of a pending sign-in.
type FactorProof struct {
	Type FactorType
	Code string  // of OTP, SMS, EMAIL
	To   Address // where a code of SMS or EMAIL went; what the user has enrolled when it is empty
	// A passkey's ceremony, from StartPasskeyVerify, and the browser's answer.
	Ticket     string
	Credential []byte
	Remember   bool // the device is to be spared the second factor from now on
}

// FactorOutcome is how far a second factor has brought a pending sign-in.
type FactorOutcome struct {
	*Outcome
	App      *Application
	Repeated bool // the same proof came before: this is what it came to, and nothing happened again
	// The token of the device, when Remember was asked for and the policy allows it.
	Device     string
	DeviceLife time.Duration
}

const (
	// ticketPassed keeps what a proof came to: a client may send it twice, and both are to succeed.
	ticketPassed TicketKind = "factor-passed"
	// ticketProven keeps that a pending sign-in has shown its second factor and waits for the user to have read their recovery code.
	ticketProven TicketKind = "factor-proven"
	// ticketBinding keeps the ceremony of a passkey that a pending sign-in registers.
	ticketBinding TicketKind = "factor-binding"
	passedLife               = time.Minute
)

// passed is what ticketPassed keeps.
type passed struct {
	Proof   string `json:"proof"` // hash
	Session string `json:"session,omitempty"`
	Cookie  string `json:"cookie,omitempty"`
	Device  string `json:"device,omitempty"`
	AppID   string `json:"app"`
	UserID  string `json:"user"`
}

// proven is what ticketProven keeps.
type proven struct {
	Proof        string `json:"proof"`
	AMR          string `json:"amr"`
	RecoveryCode string `json:"recoveryCode,omitempty"`
}

func (p *FactorProof) hash() string {
	return hashOf(strings.Join([]string{string(p.Type), strings.TrimSpace(p.Code), p.Ticket}, "\n"))
}

// ProveFactor shows the second factor of the sign-in that is pending under handle, and goes on with it. What is shown twice succeeds
// twice within a minute, with one session. Errors: ErrFlowGone; ErrFactorRefused when the sign-in does not offer the factor; those of
// VerifyOTP, SpendPasscode and of passkeys. Five wrong ones end the sign-in.
func (s *Signin) ProveFactor(ctx context.Context, handle string, p FactorProof) (*FactorOutcome, error) {
	out, err := s.proveFactor(ctx, handle, p)
	if err == nil || fault.As(err) == nil {
		return out, err
	}
	again, repeatErr := s.passedBefore(ctx, handle, p.hash())
	if repeatErr != nil {
		return nil, repeatErr
	}
	if again != nil {
		return again, nil
	}
	return nil, err
}

func (s *Signin) proveFactor(ctx context.Context, handle string, p FactorProof) (*FactorOutcome, error) {
	f, offers, err := s.factorFlow(ctx, handle)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(offers, func(o Factor) bool { return o.Type == p.Type })
	switch {
	case p.Type == FactorFace:
		return nil, ErrFactorUnsupported
	case i < 0, !offers[i].Enrolled && (p.Type == FactorOTP || p.Type == FactorPasskey):
		return nil, ErrFactorRefused
	case p.Type != FactorPasskey && strings.TrimSpace(p.Code) == "":
		return nil, ErrOTPMissing
	}
	if err := s.FlowTry(ctx, f); err != nil {
		return nil, err
	}
	policy, door, err := s.factorDoor(ctx, f.App, f.User)
	if err != nil {
		return nil, err
	}
	if err := s.Admit(ctx, policy, door); err != nil {
		return nil, err
	}
	var amr string
	bind := func(context.Context, *directory.User) error { return nil }
	switch p.Type {
	case FactorOTP:
		amr = AMROTP
		bind = func(ctx context.Context, u *directory.User) error { return s.VerifyOTP(ctx, u.PoolID, u.ID, p.Code) }
	case FactorEmail, FactorSMS:
		amr, bind, err = s.proveAddress(ctx, f, offers[i], p)
	case FactorPasskey:
		amr, err = s.provePasskeyFactor(ctx, f, p)
	}
	var out *FactorOutcome
	if err == nil {
		out, err = s.factorProven(ctx, handle, p.hash(), amr, p.Remember, func(ctx context.Context, u *directory.User) error {
			if err := bind(ctx, u); err != nil {
				return err
			}
			return s.Passed(ctx, policy, door)
		})
	}
	if err != nil {
		return nil, s.factorFailed(ctx, policy, door, f.User, p.Type, err)
	}
	return out, nil
}

// factorDoor is the door at which a user's second factors are counted, whatever sign-in they belong to, and what holds there. Its count is
// not the password's: that begins anew with each right password, and so would the tries of whoever has stolen one. There is no
// place for a captcha.
func (s *Signin) factorDoor(ctx context.Context, app *Application, u *directory.User) (*Policy, Door, error) {
	p, err := s.Policy(ctx, app)
	if err != nil {
		return nil, Door{}, err
	}
	policy := *p
	policy.CaptchaMode = CaptchaNever
	if policy.Lock.Limit <= 0 || policy.Lock.Limit > factorTries {
		policy.Lock = Rate{Limit: factorTries, Interval: factorLock}
	}
	return &policy, Door{PoolID: u.PoolID, Account: "factor:" + u.ID, IP: caller.From(ctx).ClientIP}, nil
}

// How many wrong codes lock a user's second factors, and for how long.
const (
	factorTries = 10
	factorLock  = 15 * 60 // seconds
)

// factorFailed counts and records a wrong factor of the user and returns err; what else went wrong is returned as it is. It is called
// outside of transactions.
func (s *Signin) factorFailed(ctx context.Context, policy *Policy, door Door, u *directory.User, t FactorType, err error) error {
	secret := errors.Is(err, ErrOTPWrong) || errors.Is(err, ErrRecoveryWrong) || errors.Is(err, ErrPasscodeWrong)
	if !secret && !errors.Is(err, ErrPasskeyWrong) {
		return err
	}
	if secret {
		if _, countErr := s.Failed(ctx, policy, door); countErr != nil {
			return countErr
		}
	}
	logErr := s.db.Tx(ctx, func(ctx context.Context) error {
		return s.log.Add(ctx, u.PoolID, audit.Event{Operation: audit.Query, Resource: audit.UserLogin, TargetID: u.ID, TargetName: u.DisplayName(), UserID: u.ID,
			UserEvent: eventVerify, Failed: true, After: map[string]any{"factorType": string(t)}})
	})
	if logErr != nil {
		return logErr
	}
	return err
}

// factorFlow is the pending sign-in that wants a second factor, and what it offers.
func (s *Signin) factorFlow(ctx context.Context, handle string) (*Flow, []Factor, error) {
	f, err := s.Flow(ctx, handle)
	if err != nil {
		return nil, nil, err
	}
	if f.Step != StepMFA {
		return nil, nil, ErrFlowGone
	}
	_, _, offers, err := s.FactorsDemanded(ctx, f.App, f.User, f.AMR, "")
	return f, offers, err
}

// FactorFlow returns the pending sign-in under handle, which wants a second factor, and the factors it offers. ErrFlowGone otherwise.
func (s *Signin) FactorFlow(ctx context.Context, handle string) (*Flow, []Factor, error) {
	return s.factorFlow(ctx, handle)
}

// Times are when the sign-in began to wait and when it ends, in unix milliseconds.
func (f *Flow) Times() (from, until int64) { return f.ticket.CreatedAt, f.ticket.ExpiresAt }

// enrolFlow is factorFlow for enrolling a factor of the type: the user must have none of those that are offered.
func (s *Signin) enrolFlow(ctx context.Context, handle string, t FactorType) (*Flow, error) {
	f, offers, err := s.factorFlow(ctx, handle)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(offers, func(o Factor) bool { return o.Type == t && !o.Enrolled }) {
		return nil, ErrFactorRefused
	}
	return f, nil
}

// hold locks a pending sign-in in the transaction of ctx and reads it again.
func (s *Signin) hold(ctx context.Context, handle string) (*Flow, error) {
	_, err := db.One[string](ctx, s.db, "select hash from tickets where pool_id = ? and hash = ? for update", ticketPool(handle), hashOf(handle))
	if err != nil && !errors.Is(err, db.NoRow) {
		return nil, err
	}
	f, err := s.Flow(ctx, handle)
	if err == nil && f.Step != StepMFA {
		err = ErrFlowGone
	}
	return f, err
}

// factorProven goes on with a pending sign-in in one transaction with body, and keeps what it came to under proof.
func (s *Signin) factorProven(ctx context.Context, handle, proof, amr string, remember bool, body func(context.Context, *directory.User) error) (*FactorOutcome, error) {
	var out *FactorOutcome
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		f, err := s.hold(ctx, handle)
		if err != nil {
			return err
		}
		if err := body(ctx, f.User); err != nil {
			return err
		}
		if err := s.log.Add(ctx, f.User.PoolID, audit.Event{Operation: audit.Query, Resource: audit.UserLogin, TargetID: f.User.ID, TargetName: f.User.DisplayName(),
			UserID: f.User.ID, AppID: f.App.ID, UserEvent: eventVerify, After: map[string]any{"amr": amr}}); err != nil {
			return err
		}
		out = &FactorOutcome{App: f.App}
		if out.Outcome, err = s.Advance(ctx, f, StepMFA, amr); err != nil {
			return err
		}
		keep := passed{Proof: proof, AppID: f.App.ID, UserID: f.User.ID, Cookie: out.Cookie}
		if out.Session != nil {
			keep.Session = out.Session.ID
		}
		if remember {
			if out.Device, out.DeviceLife, err = s.RememberDevice(ctx, f.App, f.User); err != nil {
				return err
			}
		}
		return s.keepNote(ctx, f.User.PoolID, ticketPassed, hashOf(handle), passedLife, TicketFor{UserID: f.User.ID, AppID: f.App.ID}, keep)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// passedBefore is what the same proof of the same sign-in came to a moment ago, nil when there was none.
func (s *Signin) passedBefore(ctx context.Context, handle, proof string) (*FactorOutcome, error) {
	poolID := ticketPool(handle)
	if poolID == "" {
		return nil, nil
	}
	var p passed
	err := s.note(ctx, poolID, ticketPassed, hashOf(handle), &p)
	if errors.Is(err, ErrTicketInvalid) || err == nil && p.Proof != proof {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &FactorOutcome{Outcome: new(Outcome), Repeated: true}
	if out.App, err = s.Application(ctx, p.AppID); err != nil {
		return nil, err
	}
	if p.Session != "" {
		out.Session, err = s.Session(ctx, poolID, p.Session)
		if errors.Is(err, ErrNoSession) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out.Cookie = p.Cookie
		out.User, err = s.dir.User(ctx, poolID, directory.ByID(p.UserID))
		return out, err
	}
	f, err := s.Flow(ctx, handle)
	if err != nil {
		return nil, err
	}
	step, err := s.wanted(ctx, f.App, f.User, &f.state)
	if err != nil || step == nil {
		return nil, err
	}
	step.Handle, out.Step, out.User = handle, step, f.User
	return out, nil
}

// proveAddress spends the code of SMS or EMAIL. An address that the user has not got yet is bound with the rest.
func (s *Signin) proveAddress(ctx context.Context, f *Flow, offer Factor, p FactorProof) (amr string, bind func(context.Context, *directory.User) error, err error) {
	amr = AMREmail
	if p.Type == FactorSMS {
		amr = AMRSMS
	}
	bind = func(context.Context, *directory.User) error { return nil }
	if offer.Enrolled {
		own := Address{Email: offer.Email, Phone: offer.Phone, PhoneCountryCode: offer.PhoneCountryCode}
		if p.To.Email != "" && !strings.EqualFold(p.To.Email, own.Email) || p.To.Phone != "" && !samePhone(p.To, own) {
			return amr, bind, ErrFactorRefused
		}
		return amr, bind, s.SpendPasscode(ctx, f.User.PoolID, PurposeVerifyMFA, own, p.Code)
	}
	to, err := factorAddress(p.Type, p.To)
	if err != nil {
		return amr, bind, err
	}
	free, err := s.addressFree(ctx, f.User, to)
	if err != nil {
		return amr, bind, err
	}
	if !free {
		return amr, bind, ErrFactorRefused
	}
	// Clients ask for the code of a new address by either purpose.
	if err := s.SpendPasscode(ctx, f.User.PoolID, PurposeVerifyMFA, to, p.Code); err != nil {
		if fault.As(err) == nil || s.SpendPasscode(ctx, f.User.PoolID, PurposeBindMFA, to, p.Code) != nil {
			return amr, bind, err
		}
	}
	return amr, func(ctx context.Context, u *directory.User) error { return s.bindAddress(ctx, u, p.Type, to) }, nil
}

// samePhone compares two numbers; one without a country code stands for any.
func samePhone(a, b Address) bool {
	digits := func(t string) string { return strings.TrimLeft(strings.TrimSpace(t), "+") }
	if a.PhoneCountryCode != "" && b.PhoneCountryCode != "" && digits(a.PhoneCountryCode) != digits(b.PhoneCountryCode) {
		return false
	}
	return digits(a.Phone) == digits(b.Phone)
}

// StartOTPInFlow is StartOTP for a pending sign-in whose user has no second factor yet. ErrFactorRefused when they have.
func (s *Signin) StartOTPInFlow(ctx context.Context, handle string) (*OTPEnrolment, error) {
	f, err := s.enrolFlow(ctx, handle, FactorOTP)
	if err != nil {
		return nil, err
	}
	return s.StartOTP(ctx, f.App, f.User)
}

// ConfirmOTPInFlow is ConfirmOTP for a pending sign-in: the code is its second factor too. FactorRead goes on when the user has read the
// recovery code. The same code twice succeeds twice.
func (s *Signin) ConfirmOTPInFlow(ctx context.Context, handle, code string) (recovery string, err error) {
	proof := hashOf("first\n" + strings.TrimSpace(code))
	if p, err := s.provenBefore(ctx, handle, proof); err != nil || p != nil {
		return p.recovery(), err
	}
	f, err := s.enrolFlow(ctx, handle, FactorOTP)
	if err != nil {
		return "", err
	}
	if err := s.FlowTry(ctx, f); err != nil {
		return "", err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		f, err := s.hold(ctx, handle)
		if err != nil {
			return err
		}
		if recovery, err = s.ConfirmOTP(ctx, f.User.PoolID, f.User.ID, code); err != nil {
			return err
		}
		return s.keepProven(ctx, f, proven{proof, AMROTP, recovery})
	})
	if err != nil {
		if p, again := s.provenBefore(ctx, handle, proof); again == nil && p != nil {
			return p.RecoveryCode, nil
		}
		return "", err
	}
	return recovery, nil
}

// RecoverInFlow shows the user's recovery code as the second factor of a pending sign-in and returns the one that replaces it. FactorRead
// goes on when the user has read that. The same code twice succeeds twice, with one replacement.
func (s *Signin) RecoverInFlow(ctx context.Context, handle, code string) (next string, err error) {
	proof := hashOf("recovery\n" + strings.TrimSpace(code))
	if p, err := s.provenBefore(ctx, handle, proof); err != nil || p != nil {
		return p.recovery(), err
	}
	f, offers, err := s.factorFlow(ctx, handle)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(offers, func(o Factor) bool { return o.Type == FactorOTP && o.Enrolled }) {
		return "", ErrFactorRefused
	}
	if err := s.FlowTry(ctx, f); err != nil {
		return "", err
	}
	policy, door, err := s.factorDoor(ctx, f.App, f.User)
	if err != nil {
		return "", err
	}
	if err := s.Admit(ctx, policy, door); err != nil {
		return "", err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		f, err := s.hold(ctx, handle)
		if err != nil {
			return err
		}
		if next, err = s.SpendRecoveryCode(ctx, f.User.PoolID, f.User.ID, code); err != nil {
			return err
		}
		if err := s.Passed(ctx, policy, door); err != nil {
			return err
		}
		return s.keepProven(ctx, f, proven{proof, AMROTP, next})
	})
	if err != nil {
		if p, again := s.provenBefore(ctx, handle, proof); again == nil && p != nil {
			return p.RecoveryCode, nil
		}
		return "", s.factorFailed(ctx, policy, door, f.User, FactorOTP, err)
	}
	return next, nil
}

func (p *proven) recovery() string {
	if p == nil {
		return ""
	}
	return p.RecoveryCode
}

func (s *Signin) keepProven(ctx context.Context, f *Flow, p proven) error {
	return s.keepNote(ctx, f.User.PoolID, ticketProven, hashOf(f.Handle), flowLife, TicketFor{UserID: f.User.ID, AppID: f.App.ID}, p)
}

// provenBefore is what the pending sign-in has shown already by the same proof, nil when it has not.
func (s *Signin) provenBefore(ctx context.Context, handle, proof string) (*proven, error) {
	poolID := ticketPool(handle)
	if poolID == "" {
		return nil, ErrFlowGone
	}
	p := new(proven)
	err := s.note(ctx, poolID, ticketProven, hashOf(handle), p)
	if errors.Is(err, ErrTicketInvalid) || err == nil && p.Proof != proof {
		return nil, nil
	}
	return p, err
}

// FactorRead goes on with a pending sign-in whose second factor ConfirmOTPInFlow or RecoverInFlow has taken: its user has read the
// recovery code. ErrFlowGone when it has taken none.
func (s *Signin) FactorRead(ctx context.Context, handle string, remember bool) (*FactorOutcome, error) {
	const proof = "read"
	poolID := ticketPool(handle)
	if poolID == "" {
		return nil, ErrFlowGone
	}
	var p proven
	err := s.note(ctx, poolID, ticketProven, hashOf(handle), &p)
	if err == nil {
		var out *FactorOutcome
		out, err = s.factorProven(ctx, handle, hashOf(proof), p.AMR, remember, func(ctx context.Context, u *directory.User) error {
			return s.dropNote(ctx, u.PoolID, ticketProven, hashOf(handle))
		})
		if err == nil {
			return out, nil
		}
	}
	if fault.As(err) == nil {
		return nil, err
	}
	again, repeatErr := s.passedBefore(ctx, handle, hashOf(proof))
	if repeatErr != nil || again != nil {
		return again, repeatErr
	}
	return nil, flowOver(err)
}

// StartPasskeyVerify begins to show a passkey as the second factor of a pending sign-in. ErrFactorRefused when that offers none.
func (s *Signin) StartPasskeyVerify(ctx context.Context, handle string) (*PasskeyOptions, error) {
	f, offers, err := s.factorFlow(ctx, handle)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(offers, func(o Factor) bool { return o.Type == FactorPasskey && o.Enrolled }) {
		return nil, ErrFactorRefused
	}
	return s.startPasskeyVerify(ctx, f)
}

// StartPasskeyBinding begins to register a passkey as the second factor of a pending sign-in whose user has none yet.
// ErrFactorRefused when they have.
func (s *Signin) StartPasskeyBinding(ctx context.Context, handle string) (*PasskeyOptions, error) {
	f, err := s.enrolFlow(ctx, handle, FactorPasskey)
	if err != nil {
		return nil, err
	}
	o, err := s.startPasskey(ctx, f.App, f.User, ceremony{SecondFactor: true, Flow: hashOf(handle)})
	if err != nil {
		return nil, err
	}
	// The client that finishes it names the sign-in and not the ceremony.
	return o, s.keepNote(ctx, f.User.PoolID, ticketBinding, hashOf(handle), passkeyLife, TicketFor{UserID: f.User.ID}, o.Ticket)
}

// BindPasskey registers the passkey that StartPasskeyBinding began, as the second factor of the pending sign-in, and goes on with that.
func (s *Signin) BindPasskey(ctx context.Context, handle string, credential []byte, remember bool) (*FactorOutcome, error) {
	f, err := s.enrolFlow(ctx, handle, FactorPasskey)
	if err != nil {
		return nil, err
	}
	if err := s.FlowTry(ctx, f); err != nil {
		return nil, err
	}
	var ticket string
	if err := s.note(ctx, f.User.PoolID, ticketBinding, hashOf(handle), &ticket); err != nil {
		if errors.Is(err, ErrTicketInvalid) {
			err = ErrPasskeyTicket
		}
		return nil, err
	}
	c, session, err := s.spendPasskey(ctx, f.App, ticket, passkeyRegister)
	if err != nil {
		return nil, err
	}
	if c.Flow != hashOf(handle) {
		return nil, ErrPasskeyTicket
	}
	return s.factorProven(ctx, handle, hashOf("bind\n"+ticket), AMRHardware, remember, func(ctx context.Context, u *directory.User) error {
		_, err := s.finishPasskey(ctx, f.App, u, c, session, credential, "", "")
		return err
	})
}

// provePasskeyFactor checks the answer to StartPasskeyVerify.
func (s *Signin) provePasskeyFactor(ctx context.Context, f *Flow, p FactorProof) (amr string, err error) {
	c, session, err := s.spendPasskey(ctx, f.App, p.Ticket, passkeyVerify)
	if err != nil {
		return "", err
	}
	if c.Flow != hashOf(f.Handle) {
		return "", ErrPasskeyTicket
	}
	k, u, err := s.provePasskey(ctx, f.App, c, session, p.Credential)
	if err != nil {
		return "", err
	}
	if u.ID != f.User.ID {
		return "", ErrPasskeyWrong
	}
	return k.amr(), nil
}

// CheckOwnOTP is VerifyOTP for a user who is signed in to app: wrong codes count as those of a sign-in do.
func (s *Signin) CheckOwnOTP(ctx context.Context, app *Application, u *directory.User, code string) error {
	policy, door, err := s.factorDoor(ctx, app, u)
	if err != nil {
		return err
	}
	if err := s.Admit(ctx, policy, door); err != nil {
		return err
	}
	if err := s.VerifyOTP(ctx, u.PoolID, u.ID, code); err != nil {
		return s.factorFailed(ctx, policy, door, u, FactorOTP, err)
	}
	return s.Passed(ctx, policy, door)
}
