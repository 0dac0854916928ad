package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// FactorType is a kind of second factor.
type FactorType string

// The second factors. FACE is known to the wires and not offered.
const (
	FactorOTP     FactorType = "OTP"
	FactorSMS     FactorType = "SMS"
	FactorEmail   FactorType = "EMAIL"
	FactorPasskey FactorType = "PASSKEY"
	FactorFace    FactorType = "FACE"
)

// Values of AMR that second factors add (RFC 8176). AMREmail is ours: the registry has no word for it.
const (
	AMROTP      = "otp"
	AMRSMS      = "sms"
	AMREmail    = "email"
	AMRHardware = "hwk" // a passkey that cannot leave its device
	AMRSoftware = "swk" // one that its owner's devices share
	AMRMulti    = "mfa" // more than one factor
)

// Factor is a second factor that a user has, or may enrol when Enrolled is false.
type Factor struct {
	Type    FactorType
	ID      string // empty unless Enrolled
	Name    string // what a passkey is called
	Address string // of e-mail and SMS, masked for showing
	// Where codes go. Only for whoever has proven to be the user by something else.
	Email, Phone, PhoneCountryCode string

	Enrolled  bool
	Account   bool  // it is the account's own address, which needs no enrolment and cannot be reset
	Sort      int   // the order in which factors are offered, from 1
	CreatedAt int64 // unix milliseconds; 0 where it is not known
}

// Errors of second factors.
var (
	ErrFactorNotFound    = fault.New(fault.NotFound, "factor_not_found")
	ErrFactorEnrolled    = fault.New(fault.Conflict, "factor_enrolled")
	ErrFactorUnsupported = fault.New(fault.Unsupported, "factor_unsupported", "FACE")
	// ErrFactorRefused says that a pending sign-in does not offer the factor: another one is to be shown.
	ErrFactorRefused = fault.New(fault.Forbidden, "factor_refused")
)

// factorRow is a bound address.
type factorRow struct {
	PoolID           string     `db:"pool_id"`
	UserID           string     `db:"user_id"`
	Type             FactorType `db:"type"`
	Email            string     `db:"email"`
	Phone            string     `db:"phone"`
	PhoneCountryCode string     `db:"phone_country_code"`
	CreatedAt        int64      `db:"created_at"`
}

// factorID names the one factor of a type that a user can have.
func factorID(userID string, t FactorType) string {
	sum := sha256.Sum256([]byte("factor/" + userID + "/" + string(t)))
	return hex.EncodeToString(sum[:12])
}

// Factors lists what the user has enrolled, in the order OTP, SMS, e-mail, passkeys. Passkeys are among them that were bound to be
// asked for beside a password.
func (s *Signin) Factors(ctx context.Context, poolID, userID string) ([]Factor, error) {
	var list []Factor
	switch _, at, err := s.dir.TOTPSecret(ctx, poolID, userID); {
	case err == nil:
		list = append(list, Factor{Type: FactorOTP, ID: factorID(userID, FactorOTP), Enrolled: true, CreatedAt: at})
	case !errors.Is(err, directory.ErrNoTOTP):
		return nil, err
	}
	rows, err := db.List[factorRow](ctx, s.db, "select "+db.Columns[factorRow]()+" from factors where pool_id = ? and user_id = ? order by type desc limit 2", poolID, userID)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		list = append(list, r.factor())
	}
	keys, err := s.passkeysOf(ctx, poolID, userID)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.SecondFactor {
			list = append(list, Factor{Type: FactorPasskey, ID: k.ID, Name: k.Name, Enrolled: true, CreatedAt: k.CreatedAt})
		}
	}
	for i := range list {
		list[i].Sort = i + 1
	}
	return list, nil
}

func (r factorRow) factor() Factor {
	f := Factor{Type: r.Type, ID: factorID(r.UserID, r.Type), Enrolled: true, CreatedAt: r.CreatedAt,
		Email: r.Email, Phone: r.Phone, PhoneCountryCode: r.PhoneCountryCode}
	f.Address = maskedAddress(f.Email, f.Phone)
	return f
}

// maskedAddress shows enough of an address for its owner to know it.
func maskedAddress(email, phone string) string {
	if email != "" {
		name, host, _ := strings.Cut(email, "@")
		runes := []rune(name)
		return string(runes[:min(len(runes), 2)]) + "***@" + host
	}
	if len(phone) > 4 {
		return strings.Repeat("*", len(phone)-4) + phone[len(phone)-4:]
	}
	return strings.Repeat("*", len(phone))
}

// Factor returns one of the user's enrolled factors, or ErrFactorNotFound.
func (s *Signin) Factor(ctx context.Context, poolID, userID, id string) (*Factor, error) {
	list, err := s.Factors(ctx, poolID, userID)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].ID == id {
			return &list[i], nil
		}
	}
	return nil, ErrFactorNotFound
}

// FactorsToEnroll are the types of which the user has none yet and may enrol one.
func (s *Signin) FactorsToEnroll(ctx context.Context, poolID, userID string) ([]FactorType, error) {
	list, err := s.Factors(ctx, poolID, userID)
	if err != nil {
		return nil, err
	}
	types := []FactorType{FactorOTP, FactorSMS, FactorEmail}
	return slices.DeleteFunc(types, func(t FactorType) bool {
		return slices.ContainsFunc(list, func(f Factor) bool { return f.Type == t })
	}), nil
}

// ResetFactor takes one of the user's factors away, and the trust in remembered devices with it. ErrFactorNotFound when it is not
// theirs.
func (s *Signin) ResetFactor(ctx context.Context, poolID, userID, id string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		f, err := s.Factor(ctx, poolID, userID, id)
		if err != nil {
			return err
		}
		return s.dropFactor(ctx, poolID, userID, *f)
	})
}

// ResetFactors takes all of a user's factors of the types away, of every type when none is named, and reports how many there were.
// Passkeys that the user signs in with remain, but are no longer asked for beside a password.
func (s *Signin) ResetFactors(ctx context.Context, poolID, userID string, types ...FactorType) (n int, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		n = 0
		list, err := s.Factors(ctx, poolID, userID)
		if err != nil {
			return err
		}
		for _, f := range list {
			if len(types) > 0 && !slices.Contains(types, f.Type) {
				continue
			}
			if err := s.dropFactor(ctx, poolID, userID, f); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// dropFactor removes an enrolled factor in the transaction of ctx.
func (s *Signin) dropFactor(ctx context.Context, poolID, userID string, f Factor) error {
	var err error
	switch f.Type {
	case FactorOTP:
		_, err = s.dir.UnbindTOTP(ctx, poolID, userID)
	case FactorPasskey:
		_, err = db.Exec(ctx, s.db, "update passkeys set second_factor = false where pool_id = ? and user_id = ? and id = ?", poolID, userID, f.ID)
	default:
		_, err = db.Exec(ctx, s.db, "delete from factors where pool_id = ? and user_id = ? and type = ?", poolID, userID, string(f.Type))
	}
	if err != nil {
		return err
	}
	if err := s.forgetDevices(ctx, poolID, userID); err != nil {
		return err
	}
	return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Remove, Resource: audit.UserLogin, TargetID: userID, UserID: userID,
		UserEvent: eventUnbind, Before: map[string]any{"factorType": string(f.Type)}})
}

// What users do with their second factors, as the V3 wire names it (UserActionLogDto.eventType).
const (
	eventBind   = "bindMfa"
	eventUnbind = "unbindMFA"
	eventVerify = "verifyMfa"
)

// putFactor binds an address in the transaction of ctx, in place of the one of its type.
func (s *Signin) putFactor(ctx context.Context, r factorRow) error {
	r.CreatedAt = s.db.Now()
	if _, err := db.Exec(ctx, s.db, "delete from factors where pool_id = ? and user_id = ? and type = ?", r.PoolID, r.UserID, string(r.Type)); err != nil {
		return err
	}
	if err := db.Insert(ctx, s.db, "factors", &r); err != nil {
		return err
	}
	return s.enrolled(ctx, r.PoolID, r.UserID, r.Type)
}

// enrolled leaves the record of a new factor.
func (s *Signin) enrolled(ctx context.Context, poolID, userID string, t FactorType) error {
	return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Add, Resource: audit.UserLogin, TargetID: userID, UserID: userID,
		UserEvent: eventBind, After: map[string]any{"factorType": string(t)}})
}

// FactorsDemanded says whether a sign-in that has proven amr needs a second factor, and which are offered. byApp tells a demand
// of the application or its pool from one of the user's own, who has enrolled a factor.
//
// Where the user has any of the offered factors, only those are offered: to enrol another one is for whoever has shown the first,
// or a stolen password would be enough to make one's own second factor. device is the token of a remembered device, "" for none.
func (s *Signin) FactorsDemanded(ctx context.Context, app *Application, u *directory.User, amr []string, device string) (demanded, byApp bool, offers []Factor, err error) {
	if slices.Contains(amr, AMRMulti) {
		return false, false, nil, nil
	}
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return false, false, nil, err
	}
	own, err := s.Factors(ctx, u.PoolID, u.ID)
	if err != nil {
		return false, false, nil, err
	}
	wanted, err := s.wantedFactors(ctx, policy, u)
	if err != nil {
		return false, false, nil, err
	}
	byApp = len(wanted) > 0
	if byApp {
		offers, err = s.offered(ctx, u, own, wanted)
		if err != nil {
			return false, false, nil, err
		}
		if others := withoutFirst(offers, amr); len(others) > 0 {
			offers = others
		}
		// Who has a factor of their own, but none that is wanted, shows that one: whoever has stolen the password must not enrol another.
		if !slices.ContainsFunc(offers, func(f Factor) bool { return f.Enrolled }) {
			if mine := withoutFirst(own, amr); len(mine) > 0 {
				offers = mine
			}
		}
	} else if offers = withoutFirst(own, amr); len(offers) == 0 {
		return false, false, nil, nil
	}
	if has := slices.DeleteFunc(slices.Clone(offers), func(f Factor) bool { return !f.Enrolled }); len(has) > 0 {
		offers = has
	}
	for i := range offers {
		offers[i].Sort = i + 1
	}
	if device != "" && policy.FactorMemory > 0 {
		trusted, err := s.deviceTrusted(ctx, u, device)
		if err != nil {
			return false, false, nil, err
		}
		if trusted {
			return false, byApp, nil, nil
		}
	}
	return true, byApp, offers, nil
}

// wantedFactors are the types that an administrator wants of the user's sign-ins: those of the application or the pool, and those set
// for this user alone.
func (s *Signin) wantedFactors(ctx context.Context, policy *Policy, u *directory.User) ([]FactorType, error) {
	var wanted []FactorType
	add := func(name string) {
		switch t := FactorType(name); t {
		case FactorOTP, FactorSMS, FactorEmail, FactorPasskey:
			if !slices.Contains(wanted, t) {
				wanted = append(wanted, t)
			}
		}
	}
	for _, f := range policy.Factors {
		add(f)
	}
	state, err := s.dir.MFA(ctx, u.PoolID, u.ID)
	if err != nil || state.TriggerData == "" {
		return wanted, err
	}
	var trigger struct {
		ApplicationMFA []struct {
			Policy string  `json:"mfaPolicy"`
			Status float64 `json:"status"`
		} `json:"applicationMfa"`
	}
	if err := json.Unmarshal([]byte(state.TriggerData), &trigger); err != nil {
		return nil, err
	}
	for _, m := range trigger.ApplicationMFA {
		if m.Status == 1 {
			add(m.Policy)
		}
	}
	return wanted, nil
}

// offered are the wanted factors as the user has them. An account's own address needs no enrolment: codes for it go to whom the
// account belongs.
func (s *Signin) offered(ctx context.Context, u *directory.User, own []Factor, wanted []FactorType) ([]Factor, error) {
	var offers []Factor
	for _, t := range wanted {
		had := false
		for _, f := range own {
			if f.Type == t {
				offers, had = append(offers, f), true
			}
		}
		switch {
		case had:
		case t == FactorEmail && u.Email != "":
			offers = append(offers, Factor{Type: t, ID: factorID(u.ID, t), Email: u.Email, Address: maskedAddress(u.Email, ""), Enrolled: true, Account: true})
		case t == FactorSMS && u.Phone != "":
			offers = append(offers, Factor{Type: t, ID: factorID(u.ID, t), Phone: u.Phone, PhoneCountryCode: u.PhoneCountryCode,
				Address: maskedAddress("", u.Phone), Enrolled: true, Account: true})
		case t == FactorPasskey:
			// A passkey that the user signs in with serves as a second factor too.
			keys, err := s.passkeysOf(ctx, u.PoolID, u.ID)
			if err != nil {
				return nil, err
			}
			if len(keys) == 0 {
				offers = append(offers, Factor{Type: t})
			}
			for _, k := range keys {
				offers = append(offers, Factor{Type: t, ID: k.ID, Name: k.Name, Enrolled: true, CreatedAt: k.CreatedAt})
			}
		default:
			offers = append(offers, Factor{Type: t})
		}
	}
	return offers, nil
}

// withoutFirst leaves out what has been the first factor already: a code to the same address proves nothing more.
func withoutFirst(offers []Factor, amr []string) []Factor {
	used := map[FactorType]bool{
		FactorEmail:   slices.Contains(amr, AMREmail),
		FactorSMS:     slices.Contains(amr, AMRSMS),
		FactorOTP:     slices.Contains(amr, AMROTP),
		FactorPasskey: slices.Contains(amr, AMRHardware) || slices.Contains(amr, AMRSoftware),
	}
	return slices.DeleteFunc(slices.Clone(offers), func(f Factor) bool { return used[f.Type] })
}
