package signin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// TicketEnrolment is the kind of an enrolment that waits for its code.
const TicketEnrolment TicketKind = "enrolment"

// ErrEnrolment says that an enrolment token is none, is of another user or type, or took longer than a quarter of an hour.
var ErrEnrolment = fault.New(fault.Invalid, "enrollment_token_invalid")

// enrolment is what an enrolment token stands for.
type enrolment struct {
	Type  FactorType `json:"type"`
	OTP   pendingOTP `json:"otp,omitzero"`
	To    Address    `json:"to,omitzero"`
	Tries int        `json:"tries,omitzero"`
}

const enrolmentTries = 5

// StartEnrolment begins to enrol a factor of the user: OTP, whose secret it returns, SMS or EMAIL, to whose address it sends a code.
// The token it returns goes to FinishEnrolment within a quarter of an hour. ErrFactorUnsupported for other types, ErrFactorEnrolled
// when the user has one of the type: that has to be reset first.
func (s *Signin) StartEnrolment(ctx context.Context, app *Application, u *directory.User, t FactorType, to Address) (token string, e *OTPEnrolment, err error) {
	if err := s.notEnrolled(ctx, u, t); err != nil {
		return "", nil, err
	}
	keep := enrolment{Type: t}
	switch t {
	case FactorOTP:
		if e, err = newOTP(u, app.Name); err != nil {
			return "", nil, err
		}
		keep.OTP = pendingOTP{e.Secret, e.RecoveryCode}
	case FactorEmail, FactorSMS:
		if keep.To, err = factorAddress(t, to); err != nil {
			return "", nil, err
		}
		if err := s.SendPasscode(ctx, app, PurposeBindMFA, keep.To); err != nil {
			return "", nil, err
		}
	default:
		return "", nil, ErrFactorUnsupported
	}
	token, err = s.IssueTicket(ctx, u.PoolID, TicketEnrolment, pendingLife, TicketFor{UserID: u.ID, AppID: app.ID}, keep)
	return token, e, err
}

func (s *Signin) notEnrolled(ctx context.Context, u *directory.User, t FactorType) error {
	list, err := s.Factors(ctx, u.PoolID, u.ID)
	if err != nil {
		return err
	}
	for _, f := range list {
		if f.Type == t && t != FactorPasskey {
			return ErrFactorEnrolled
		}
	}
	return nil
}

// factorAddress is the one address that a factor of the type needs.
func factorAddress(t FactorType, to Address) (Address, error) {
	if t == FactorEmail {
		if to.Email == "" {
			return to, fault.Field("email")
		}
		return Address{Email: strings.ToLower(to.Email)}, nil
	}
	if to.Phone == "" {
		return to, fault.Field("phoneNumber")
	}
	return Address{Phone: to.Phone, PhoneCountryCode: to.PhoneCountryCode}, nil
}

// FinishEnrolment enrols the factor by its first code. A token takes five wrong codes. ErrEnrolment; ErrOTPWrong or
// ErrPasscodeWrong for a wrong code.
func (s *Signin) FinishEnrolment(ctx context.Context, u *directory.User, t FactorType, token, code string) error {
	var e enrolment
	k, err := s.PeekTicket(ctx, TicketEnrolment, token, &e)
	if errors.Is(err, ErrTicketInvalid) {
		return ErrEnrolment
	}
	if err != nil {
		return err
	}
	if k.PoolID != u.PoolID || k.UserID != u.ID || e.Type != t || e.Tries >= enrolmentTries {
		return ErrEnrolment
	}
	if code == "" {
		return ErrOTPMissing
	}
	e.Tries++
	if err := s.UpdateTicket(ctx, k, e); err != nil {
		if errors.Is(err, ErrTicketChanged) {
			return ErrEnrolment
		}
		return err
	}
	if t == FactorOTP {
		err = s.checkOTP(e.OTP.Secret, code)
	} else {
		err = s.SpendPasscode(ctx, u.PoolID, PurposeBindMFA, e.To, code)
	}
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if _, err := s.SpendTicket(ctx, TicketEnrolment, token, nil); err != nil {
			return ErrEnrolment.Because(err)
		}
		if err := s.notEnrolled(ctx, u, t); err != nil {
			return err
		}
		if t == FactorOTP {
			return s.bindOTP(ctx, u.PoolID, u.ID, e.OTP)
		}
		return s.bindAddress(ctx, u, t, e.To)
	})
}

// bindAddress enrols an address that has been proven, in the transaction of ctx.
func (s *Signin) bindAddress(ctx context.Context, u *directory.User, t FactorType, to Address) error {
	if err := s.forgetDevices(ctx, u.PoolID, u.ID); err != nil {
		return err
	}
	return s.putFactor(ctx, factorRow{PoolID: u.PoolID, UserID: u.ID, Type: t, Email: to.Email, Phone: to.Phone, PhoneCountryCode: to.PhoneCountryCode})
}

// FactorAddressFree reports whether the user may bind an address as a second factor: it is their own, or no other account's. It says
// who is there, so that an address of the network that asks too often is ErrLookupsTooMany, as of AccountKnown.
func (s *Signin) FactorAddressFree(ctx context.Context, u *directory.User, to Address) (bool, error) {
	if !s.lookups.allow(caller.From(ctx).ClientIP, time.Now()) {
		return false, ErrLookupsTooMany
	}
	return s.addressFree(ctx, u, to)
}

func (s *Signin) addressFree(ctx context.Context, u *directory.User, to Address) (bool, error) {
	other, err := s.dir.UserByPrincipals(ctx, u.PoolID, directory.Principals{Email: strings.ToLower(to.Email), Phone: to.Phone, PhoneCountryCode: to.PhoneCountryCode})
	switch {
	case errors.Is(err, directory.ErrUserNotFound):
		return to.Email != "" || to.Phone != "", nil
	case err != nil:
		return false, err
	}
	return other.ID == u.ID, nil
}
