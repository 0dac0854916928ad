package signin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// An address is proven by the code that was sent to it, or by a token that such a code was exchanged for.

const (
	ticketAddress TicketKind = "address"
	addressLife              = 5 * time.Minute
)

// only is the address as the directory writes it, without what does not belong to its kind: an e-mail address has no country code.
func (a Address) only() Address {
	if a.Email != "" {
		return Address{Email: strings.ToLower(a.Email)}
	}
	return Address{Phone: a.Phone, PhoneCountryCode: a.PhoneCountryCode}
}

// kind is "email" or "phone".
func (a Address) kind() string {
	if a.Email != "" {
		return "email"
	}
	return "phone"
}

// same reports whether two addresses are one.
func (a Address) same(b Address) bool {
	if a.Email != "" || b.Email != "" {
		return strings.EqualFold(a.Email, b.Email)
	}
	return directory.SamePhone(a.PhoneCountryCode, a.Phone, b.PhoneCountryCode, b.Phone)
}

// emailOf and phoneOf are the user's addresses; the zero Address where there is none.
func emailOf(u *directory.User) Address { return Address{Email: u.Email} }

func phoneOf(u *directory.User) Address {
	return Address{Phone: u.Phone, PhoneCountryCode: u.PhoneCountryCode}
}

// ProveAddress exchanges the code that was sent to an address for a token, which stands for the proof in a later call for the same
// purpose: V2's emailToken and phoneToken. It lives five minutes and works once.
func (s *Signin) ProveAddress(ctx context.Context, app *Application, p Purpose, to Address, code string) (token string, life time.Duration, err error) {
	to = to.only()
	if to == (Address{}) {
		return "", 0, ErrAddressMissing
	}
	spend, err := s.addressProof(ctx, app, p, to, code)
	if err != nil {
		return "", 0, err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := spend(ctx); err != nil {
			return err
		}
		var err error
		token, err = s.IssueTicket(ctx, app.PoolID, ticketAddress, addressLife, TicketFor{AppID: app.ID}, &provenAddress{Purpose: p, Address: to})
		return err
	})
	return token, addressLife, err
}

// provenAddress is what a ticket of an address keeps. Old is the address that it takes the place of.
type provenAddress struct {
	Purpose Purpose `json:"purpose"`
	Address Address `json:"address"`
	Old     Address `json:"old"`
}

// addressProof checks that text proves an address, by its form a token or a code, and returns what spends it. A wrong code has been counted
// when it returns, whatever becomes of the transaction that spends.
func (s *Signin) addressProof(ctx context.Context, app *Application, p Purpose, to Address, text string) (spend func(context.Context) error, err error) {
	if ticketPool(text) != "" {
		var proven provenAddress
		t, err := s.PeekTicket(ctx, ticketAddress, text, &proven)
		if err != nil {
			return nil, err
		}
		if t.PoolID != app.PoolID || t.AppID != app.ID || t.UserID != "" || proven.Purpose != p || !proven.Address.same(to) {
			return nil, ErrTicketInvalid
		}
		return func(ctx context.Context) error {
			_, err := s.SpendTicket(ctx, ticketAddress, text, nil)
			return err
		}, nil
	}
	var refusal error
	purposes := append([]Purpose{p}, alsoProves[p]...)
	if servedByAny[p] {
		purposes = append(purposes, PurposeAny)
	}
	for _, q := range purposes {
		err := s.tryPasscode(ctx, app.PoolID, q, to, text, false)
		if err == nil {
			return func(ctx context.Context) error { return s.consumePasscode(ctx, app.PoolID, q, to, text) }, nil
		}
		if refusal == nil || errors.Is(err, ErrPasscodeExpired) {
			refusal = err
		}
	}
	return nil, refusal
}

// alsoProves are the purposes whose codes stand for another's: the wires have fewer words for a code's purpose than they have uses. All of
// them prove the address, and a code to sign in opens no less.
var alsoProves = map[Purpose][]Purpose{
	PurposeRegister:      {PurposeLogin},
	PurposeResetPassword: {PurposeLogin},
	PurposeBindEmail:     {PurposeUpdateEmail, PurposeLogin},
	PurposeUpdateEmail:   {PurposeBindEmail, PurposeLogin},
	PurposeBindPhone:     {PurposeUpdatePhone, PurposeLogin},
	PurposeUpdatePhone:   {PurposeBindPhone, PurposeUnbindPhone, PurposeLogin},
	PurposeComplete:      {PurposeBindEmail, PurposeBindPhone, PurposeRegister, PurposeLogin},
}

// consumePasscode uses up, in the transaction of ctx, a code that tryPasscode has found right: of several who do at once one succeeds.
func (s *Signin) consumePasscode(ctx context.Context, poolID string, p Purpose, to Address, code string) error {
	_, address, err := to.reached()
	if err != nil {
		return err
	}
	row := passcodeRow{PoolID: poolID, Address: s.keyed("address", poolID, address), Purpose: string(p)}
	now := s.db.Now()
	n, err := db.Exec(ctx, s.db, "update passcodes set used_at = ? where pool_id = ? and address = ? and purpose = ? and hash = ? and used_at = 0 and expires_at > ?",
		now, poolID, row.Address, row.Purpose, s.passcodeHash(&row, code), now)
	if err == nil && n == 0 {
		err = ErrPasscodeExpired
	}
	return err
}

// Errors of addresses.
var (
	ErrEmailBound       = fault.New(fault.Conflict, "email_bound")
	ErrPhoneBound       = fault.New(fault.Conflict, "phone_bound")
	ErrEmailNotBound    = fault.New(fault.Unprocessable, "email_not_bound")
	ErrPhoneNotBound    = fault.New(fault.Unprocessable, "phone_not_bound")
	ErrEmailUnchanged   = fault.New(fault.Unprocessable, "email_unchanged")
	ErrPhoneUnchanged   = fault.New(fault.Unprocessable, "phone_unchanged")
	ErrOldEmailNeeded   = fault.New(fault.Unprocessable, "old_email_needed")
	ErrOldPhoneNeeded   = fault.New(fault.Unprocessable, "old_phone_needed")
	ErrOldEmailMismatch = fault.New(fault.Unprocessable, "old_email_mismatch")
	ErrOldPhoneMismatch = fault.New(fault.Unprocessable, "old_phone_mismatch")
	ErrLastWayIn        = fault.New(fault.Unprocessable, "last_way_in")
	ErrAddressMissing   = fault.New(fault.Invalid, "address_missing")
)

// AddressChange is a change of the user's e-mail address or number: both New and Old are of one kind.
type AddressChange struct {
	New     Address
	NewCode string // PurposeUpdateEmail or PurposeUpdatePhone
	Old     Address
	OldCode string
}

// verbs are what differs between e-mail addresses and numbers.
type addressVerbs struct {
	bind, update, unbind                            Purpose
	bindEvent, updateEvent, unbindEvent             string
	bound, notBound, unchanged, oldNeeded, oldWrong *fault.Error
	of                                              func(*directory.User) Address
	verifyOld                                       func(*Policy) bool
}

var addressKinds = map[string]addressVerbs{
	"email": {PurposeBindEmail, PurposeUpdateEmail, PurposeUnbindEmail, "bindEmail", "updateUserEmail", "unbindEmail",
		ErrEmailBound, ErrEmailNotBound, ErrEmailUnchanged, ErrOldEmailNeeded, ErrOldEmailMismatch, emailOf,
		func(p *Policy) bool { return p.VerifyOldEmail }},
	"phone": {PurposeBindPhone, PurposeUpdatePhone, PurposeUnbindPhone, "bindPhone", "updateUserPhone", "unbindPhone",
		ErrPhoneBound, ErrPhoneNotBound, ErrPhoneUnchanged, ErrOldPhoneNeeded, ErrOldPhoneMismatch, phoneOf,
		func(p *Policy) bool { return p.VerifyOldPhone }},
}

// patchTo is the change that gives a user an address that has been proven theirs; the zero Address of a kind takes it away.
func patchTo(kind string, to Address, event string) directory.UserPatch {
	sure := to != Address{}
	p := directory.UserPatch{Event: event}
	p.Strict = true
	if kind == "email" {
		email := strings.ToLower(to.Email)
		p.Email, p.EmailVerified = &email, &sure
		return p
	}
	p.Phone, p.PhoneCountryCode, p.PhoneVerified = &to.Phone, &to.PhoneCountryCode, &sure
	return p
}

// BindAddress gives a user who has none an e-mail address or a number, proven by the code sent to it (PurposeBindEmail,
// PurposeBindPhone). One that the user has is ErrEmailBound or ErrPhoneBound, one that another has the directory's Conflict.
func (s *Signin) BindAddress(ctx context.Context, app *Application, userID string, to Address, code string) (*directory.User, error) {
	ctx, to = at(ctx, app), to.only()
	if to == (Address{}) {
		return nil, ErrAddressMissing
	}
	v := addressKinds[to.kind()]
	u, err := s.ownUser(ctx, app, userID)
	if err != nil {
		return nil, err
	}
	if v.of(u) != (Address{}) {
		return nil, v.bound
	}
	spend, err := s.addressProof(ctx, app, v.bind, to, code)
	if err != nil {
		return nil, err
	}
	return s.changeAddress(ctx, app, u, to.kind(), to, v.bindEvent, spend)
}

// UnbindAddress takes a user's e-mail address ("email") or number ("phone") away, if they can still sign in by something else
// (ErrLastWayIn). code was sent to the address (PurposeUnbindEmail, PurposeUnbindPhone); nil on the wire that asks for none.
func (s *Signin) UnbindAddress(ctx context.Context, app *Application, userID, kind string, code *string) (*directory.User, error) {
	ctx = at(ctx, app)
	v, ok := addressKinds[kind]
	if !ok {
		return nil, ErrAddressMissing
	}
	u, err := s.ownUser(ctx, app, userID)
	if err != nil {
		return nil, err
	}
	had := v.of(u)
	if had.Email == "" && had.Phone == "" {
		return nil, v.notBound
	}
	without := *u
	if kind == "email" {
		without.Email = ""
	} else {
		without.Phone = ""
	}
	if without.Username == "" && without.Email == "" && without.Phone == "" {
		return nil, ErrLastWayIn
	}
	spend := func(context.Context) error { return nil }
	if code != nil {
		if spend, err = s.addressProof(ctx, app, v.unbind, had, *code); err != nil {
			return nil, err
		}
	}
	return s.changeAddress(ctx, app, u, kind, Address{}, v.unbindEvent, spend)
}

// UpdateAddress gives a user another e-mail address or number. The new one is proven by its code; the old one too where the pool asks
// for it and the user has one (ErrOldEmailNeeded, ErrOldPhoneNeeded). A user who has none is given it.
func (s *Signin) UpdateAddress(ctx context.Context, app *Application, userID string, c AddressChange) (*directory.User, error) {
	ctx = at(ctx, app)
	u, spends, err := s.checkChange(ctx, app, userID, &c)
	if err != nil {
		return nil, err
	}
	return s.changeAddress(ctx, app, u, c.New.kind(), c.New, addressKinds[c.New.kind()].updateEvent, spends...)
}

// ProveUpdate is the first half of UpdateAddress: it spends the codes and returns a token for UpdateProven, which lives five minutes.
func (s *Signin) ProveUpdate(ctx context.Context, app *Application, userID string, c AddressChange) (token string, life time.Duration, err error) {
	ctx = at(ctx, app)
	u, spends, err := s.checkChange(ctx, app, userID, &c)
	if err != nil {
		return "", 0, err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		for _, spend := range spends {
			if err := spend(ctx); err != nil {
				return err
			}
		}
		var err error
		token, err = s.IssueTicket(ctx, app.PoolID, ticketAddress, addressLife, TicketFor{UserID: u.ID, AppID: app.ID},
			&provenAddress{Purpose: addressKinds[c.New.kind()].update, Address: c.New, Old: addressKinds[c.New.kind()].of(u)})
		return err
	})
	return token, addressLife, err
}

// UpdateProven is the second half: kind is "email" or "phone". A token of another user, of the other kind, or from before the address
// changed once more is ErrTicketInvalid.
func (s *Signin) UpdateProven(ctx context.Context, app *Application, userID, kind, token string) (*directory.User, error) {
	ctx = at(ctx, app)
	var proven provenAddress
	t, err := s.PeekTicket(ctx, ticketAddress, token, &proven)
	if err != nil {
		return nil, err
	}
	if t.PoolID != app.PoolID || t.UserID != userID || proven.Address.kind() != kind {
		return nil, ErrTicketInvalid
	}
	u, err := s.ownUser(ctx, app, userID)
	if err != nil {
		return nil, err
	}
	if addressKinds[kind].of(u) != proven.Old {
		return nil, ErrTicketInvalid
	}
	return s.changeAddress(ctx, app, u, kind, proven.Address, addressKinds[kind].updateEvent, func(ctx context.Context) error {
		_, err := s.SpendTicket(ctx, ticketAddress, token, nil)
		return err
	})
}

// checkChange checks a change of an address and its codes, and returns the user and what spends the codes.
func (s *Signin) checkChange(ctx context.Context, app *Application, userID string, c *AddressChange) (*directory.User, []func(context.Context) error, error) {
	c.New, c.Old = c.New.only(), c.Old.only()
	if c.New == (Address{}) {
		return nil, nil, ErrAddressMissing
	}
	v := addressKinds[c.New.kind()]
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return nil, nil, err
	}
	u, err := s.ownUser(ctx, app, userID)
	if err != nil {
		return nil, nil, err
	}
	had := v.of(u)
	if c.New.same(had) {
		return nil, nil, v.unchanged
	}
	spend, err := s.addressProof(ctx, app, v.update, c.New, c.NewCode)
	if err != nil {
		return nil, nil, err
	}
	spends := []func(context.Context) error{spend}
	asked := c.Old != Address{} || c.OldCode != ""
	switch {
	case had == Address{}, !asked && !v.verifyOld(policy):
		return u, spends, nil
	case !asked || c.OldCode == "":
		return nil, nil, v.oldNeeded
	case c.Old != Address{} && !c.Old.same(had):
		return nil, nil, v.oldWrong
	}
	if spend, err = s.addressProof(ctx, app, v.update, had, c.OldCode); err != nil {
		return nil, nil, err
	}
	return u, append(spends, spend), nil
}

// changeAddress writes an address. What could reset the password by the one before is worth nothing from then on.
func (s *Signin) changeAddress(ctx context.Context, app *Application, was *directory.User, kind string, to Address, event string,
	spends ...func(context.Context) error) (*directory.User, error) {
	var u *directory.User
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		for _, spend := range spends {
			if err := spend(ctx); err != nil {
				return err
			}
		}
		var err error
		if u, err = s.dir.UpdateUser(ctx, app.PoolID, directory.ByID(was.ID), patchTo(kind, to, event)); err != nil {
			return err
		}
		return s.DropTickets(ctx, app.PoolID, ticketReset, was.ID)
	})
	return u, err
}

// userAt is the user whose address it is, or directory.ErrUserNotFound.
func (s *Signin) userAt(ctx context.Context, poolID string, to Address) (*directory.User, error) {
	to = to.only()
	if to == (Address{}) {
		return nil, ErrAddressMissing
	}
	return s.dir.UserByPrincipals(ctx, poolID, directory.Principals{Email: to.Email, Phone: to.Phone, PhoneCountryCode: to.PhoneCountryCode})
}
