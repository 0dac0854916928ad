package signin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/notify"
)

// Purpose is what a one-time code is for; a code sent for one never passes for another.
type Purpose string

// The purposes.
const (
	PurposeLogin         Purpose = "login"
	PurposeRegister      Purpose = "register"
	PurposeResetPassword Purpose = "reset_password"
	PurposeVerifyEmail   Purpose = "verify_email"
	PurposeBindEmail     Purpose = "bind_email"
	PurposeUnbindEmail   Purpose = "unbind_email"
	PurposeUpdateEmail   Purpose = "update_email"
	PurposeBindPhone     Purpose = "bind_phone"
	PurposeUnbindPhone   Purpose = "unbind_phone"
	PurposeUpdatePhone   Purpose = "update_phone"
	PurposeBindMFA       Purpose = "bind_mfa"
	PurposeVerifyMFA     Purpose = "verify_mfa"
	PurposeUnbindMFA     Purpose = "unbind_mfa"
	PurposeUnlock        Purpose = "unlock"
	PurposeComplete      Purpose = "complete"
	PurposeIdentity      Purpose = "identity"
	PurposeDelete        Purpose = "delete_account"
	// PurposeAny is what a client of old asks a code for that names no purpose: it serves wherever servedByAny says.
	PurposeAny Purpose = "any"
)

// servedByAny are the purposes that a code without one serves. A second factor, and what cannot be undone, want their own.
var servedByAny = map[Purpose]bool{
	PurposeLogin: true, PurposeRegister: true, PurposeResetPassword: true, PurposeBindEmail: true, PurposeUnbindEmail: true, PurposeUpdateEmail: true,
	PurposeBindPhone: true, PurposeUnbindPhone: true, PurposeUpdatePhone: true,
}

// purposeKinds is the one table of what a code's message is called.
var purposeKinds = map[Purpose]notify.Kind{
	PurposeLogin: notify.LoginCode, PurposeRegister: notify.RegisterCode, PurposeResetPassword: notify.ResetCode, PurposeVerifyEmail: notify.IdentityCode,
	PurposeBindEmail: notify.BindCode, PurposeUnbindEmail: notify.UnbindCode, PurposeUpdateEmail: notify.BindCode,
	PurposeBindPhone: notify.BindCode, PurposeUnbindPhone: notify.UnbindCode, PurposeUpdatePhone: notify.BindCode,
	PurposeBindMFA: notify.MFACode, PurposeVerifyMFA: notify.MFACode, PurposeUnbindMFA: notify.MFACode, PurposeUnlock: notify.UnlockCode,
	PurposeComplete: notify.CompletionCode, PurposeIdentity: notify.IdentityCode, PurposeDelete: notify.DeleteCode,
	PurposeAny: notify.IdentityCode,
}

// Address is where a code goes: a mail address, or a phone number with or without its country.
type Address struct{ Email, Phone, PhoneCountryCode string }

// Errors of one-time codes.
var (
	// ErrTooOften says that a code went to the address, or several to the caller, a short while ago.
	ErrTooOften = fault.New(fault.Throttled, "passcode_too_often")
	// ErrPasscodeWrong says that a code is not the one that was sent, or that none was.
	ErrPasscodeWrong = fault.New(fault.Forbidden, "passcode_wrong")
	// ErrPasscodeExpired says that the code's time is over, or that it has been used or guessed at too often: a new one must be asked for.
	ErrPasscodeExpired = fault.New(fault.Forbidden, "passcode_expired")
)

// PasscodeBounds bound how many codes are sent; 0 is the default.
type PasscodeBounds struct {
	PerAddress int // to one address in a day, whatever they are for: 30
	PerIP      int // asked for from one address of the network in an hour: 300
}

const (
	passcodePause     = time.Minute
	defaultPerAddress = 30
	defaultPerIP      = 300
	longestPasscode   = 32
	longestLife       = 3600 // seconds, whatever is set
)

type passcodeRow struct {
	PoolID    string `db:"pool_id"`
	Address   string `db:"address"` // a keyed hash
	Purpose   string `db:"purpose"`
	Hash      string `db:"hash"` // keyed: six digits are soon tried out
	Tries     int64  `db:"tries"`
	MostTries int64  `db:"most_tries"`
	SentAt    int64  `db:"sent_at"`
	ExpiresAt int64  `db:"expires_at"`
	UsedAt    int64  `db:"used_at"`
}

// reached is an address in the one form that it is compared in, and the way to it.
func (a Address) reached() (notify.Channel, string, error) {
	switch {
	case a.Email != "" && a.Phone == "":
		to, err := directory.MailAddress(a.Email)
		return notify.Mail, to, err
	case a.Phone != "" && a.Email == "":
		to, err := directory.PhoneNumber(a.PhoneCountryCode, a.Phone)
		return notify.SMS, to, err
	case a.Email != "":
		return "", "", fault.Field("phone")
	}
	return "", "", fault.Field("email")
}

// keyed is a hash of parts that nobody can compute who has the database alone.
func (s *Signin) keyed(parts ...string) string {
	h := hmac.New(sha256.New, s.guardKey)
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// digits is a random number of n digits.
func digits(n int) string {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, most)
	if err != nil {
		panic("signin: " + err.Error()) // the system's random source does not fail
	}
	text := v.String()
	return strings.Repeat("0", n-len(text)) + text
}

// SendPasscode sends a code to an address, in place of the one sent before for the same purpose. Whether anybody has the address it does
// not ask, so it tells nothing of it. ErrTooOften within a minute of the last one, and beyond the bounds; notify.ErrNoMail and
// notify.ErrNoSMS when there is no way to send; fault.Field for what is no address.
func (s *Signin) SendPasscode(ctx context.Context, app *Application, p Purpose, to Address) error {
	kind, ok := purposeKinds[p]
	if !ok {
		return fault.Field("scene")
	}
	channel, address, err := to.reached()
	if err != nil {
		return err
	}
	if err := s.notify.Ready(ctx, app.PoolID, channel); err != nil {
		return err
	}
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return err
	}
	life := time.Duration(min(max(policy.CodeLife, 60), longestLife)) * time.Second
	if channel == notify.Mail {
		if own, err := s.notify.Expiry(ctx, app.PoolID, kind); err != nil {
			return err
		} else if own > 0 {
			life = time.Duration(min(max(own, 60), longestLife)) * time.Second
		}
	}
	code := digits(min(max(policy.CodeLength, 4), 8))
	now := s.db.Now()
	row := passcodeRow{PoolID: app.PoolID, Address: s.keyed("address", app.PoolID, address), Purpose: string(p), MostTries: int64(min(max(policy.CodeTries, 1), 10)),
		SentAt: now, ExpiresAt: now + life.Milliseconds()}
	row.Hash = s.passcodeHash(&row, code)

	// Who asks too often is refused by a read: a flood of requests is no flood of writes.
	since := now - passcodePause.Milliseconds()
	recent, err := db.One[int64](ctx, s.db, "select count(*) from passcodes where pool_id = ? and address = ? and purpose = ? and sent_at > ?",
		row.PoolID, row.Address, row.Purpose, since)
	if err != nil {
		return err
	}
	if recent > 0 {
		return ErrTooOften
	}
	ip := asker(ctx)
	rates := []rate{{"code/address/" + row.Address, orDefault(s.bounds.PerAddress, defaultPerAddress), 24 * time.Hour},
		{"code/ip/" + s.keyed("ip", ip), orDefault(s.bounds.PerIP, defaultPerIP), time.Hour}}
	if ip == "" {
		rates = rates[:1]
	}
	for _, r := range rates {
		if full, err := s.full(ctx, row.PoolID, r); err != nil {
			return err
		} else if full {
			return ErrTooOften
		}
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, s.db, `insert into passcodes (pool_id, address, purpose, hash, tries, most_tries, sent_at, expires_at, used_at)
			values (?, ?, ?, ?, 0, ?, ?, ?, 0)
			on conflict (pool_id, address, purpose) do update set hash = excluded.hash, tries = 0, most_tries = excluded.most_tries,
			sent_at = excluded.sent_at, expires_at = excluded.expires_at, used_at = 0 where passcodes.sent_at <= ?`,
			row.PoolID, row.Address, row.Purpose, row.Hash, row.MostTries, row.SentAt, row.ExpiresAt, since)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrTooOften
		}
		for _, r := range rates {
			if ok, err := s.take(ctx, row.PoolID, r); err != nil {
				return err
			} else if !ok {
				return ErrTooOften
			}
		}
		return s.notify.Send(ctx, app.PoolID, notify.Message{Channel: channel, To: address, Kind: kind, Language: caller.From(ctx).Language, Life: life,
			Params: notify.Params{App: app.Name, User: address, Email: to.Email, Code: code, Minutes: int64(life / time.Minute)}})
	})
}

func (s *Signin) passcodeHash(r *passcodeRow, code string) string {
	return s.keyed("passcode", r.PoolID, r.Address, r.Purpose, code)
}

// CheckPasscode reports whether a code is the one that was sent, without using it. A wrong one counts as a guess.
func (s *Signin) CheckPasscode(ctx context.Context, poolID string, p Purpose, to Address, code string) (bool, error) {
	err := s.tryPasscode(ctx, poolID, p, to, code, false)
	if errors.Is(err, ErrPasscodeWrong) || errors.Is(err, ErrPasscodeExpired) {
		return false, nil
	}
	return err == nil, err
}

// SpendPasscode uses a code: of all who try with the right one, on all servers, exactly one succeeds. ErrPasscodeWrong for another code
// or none, ErrPasscodeExpired for one that is over: by time, used, or guessed at five times. It is called outside of transactions, so that
// nothing undoes the count of guesses.
func (s *Signin) SpendPasscode(ctx context.Context, poolID string, p Purpose, to Address, code string) error {
	err := s.tryPasscode(ctx, poolID, p, to, code, true)
	if err != nil && servedByAny[p] && s.tryPasscode(ctx, poolID, PurposeAny, to, code, true) == nil {
		return nil
	}
	return err
}

func (s *Signin) tryPasscode(ctx context.Context, poolID string, p Purpose, to Address, code string, spend bool) error {
	if s.db.InTx(ctx) {
		return errors.New("signin: a code is tried in a transaction, which could undo the count of guesses")
	}
	_, address, err := to.reached()
	if err != nil {
		return err
	}
	if code == "" || len(code) > longestPasscode {
		return ErrPasscodeWrong
	}
	address = s.keyed("address", poolID, address)
	var verdict error
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		verdict = ErrPasscodeWrong
		row, err := db.One[passcodeRow](ctx, s.db, "select "+db.Columns[passcodeRow]()+" from passcodes where pool_id = ? and address = ? and purpose = ? for update",
			poolID, address, string(p))
		if errors.Is(err, db.NoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		now := s.db.Now()
		if row.UsedAt != 0 || row.ExpiresAt <= now || row.Tries >= row.MostTries {
			verdict = ErrPasscodeExpired
			return nil
		}
		if !hmac.Equal([]byte(row.Hash), []byte(s.passcodeHash(&row, code))) {
			_, err = db.Exec(ctx, s.db, "update passcodes set tries = tries + 1 where pool_id = ? and address = ? and purpose = ?", poolID, address, string(p))
			return err
		}
		verdict = nil
		if spend {
			_, err = db.Exec(ctx, s.db, "update passcodes set used_at = ? where pool_id = ? and address = ? and purpose = ?", now, poolID, address, string(p))
		}
		return err
	})
	if err != nil {
		return err
	}
	return verdict
}

// ticketVerifyEmail is a link in a mail that verifies its address.
const ticketVerifyEmail TicketKind = "verify_email"

const verifyLife = 24 * time.Hour

// VerifyEmailPath is where the links of SendVerifyLink lead, below the server's address, with the ticket in ?token=.
const VerifyEmailPath = "/verify-email"

// SendVerifyLink sends a link that verifies a user's address, to that address. Nobody has to have it: what is done and how long it takes
// is the same, and nothing is sent then. first is for those who have never signed in. Bounds and errors are SendPasscode's.
func (s *Signin) SendVerifyLink(ctx context.Context, app *Application, email string, first bool) error {
	address, err := directory.MailAddress(email)
	if err != nil {
		return err
	}
	if err := s.notify.Ready(ctx, app.PoolID, notify.Mail); err != nil {
		return err
	}
	u, err := s.dir.UserByPrincipals(ctx, app.PoolID, directory.Principals{Email: address})
	if err != nil && fault.As(err) == nil {
		return err
	}
	userID := ""
	if err == nil && !u.EmailVerified {
		userID = u.ID
	}
	ip := asker(ctx)
	rates := []rate{{"link/" + s.keyed("address", app.PoolID, address), 1, passcodePause},
		{"code/address/" + s.keyed("address", app.PoolID, address), orDefault(s.bounds.PerAddress, defaultPerAddress), 24 * time.Hour},
		{"code/ip/" + s.keyed("ip", ip), orDefault(s.bounds.PerIP, defaultPerIP), time.Hour}}
	if ip == "" {
		rates = rates[:2]
	}
	for _, r := range rates {
		if full, err := s.full(ctx, app.PoolID, r); err != nil {
			return err
		} else if full {
			return ErrTooOften
		}
	}
	kind := notify.ConsoleVerify
	if first {
		kind = notify.FirstEmailVerify
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		for _, r := range rates {
			if ok, err := s.take(ctx, app.PoolID, r); err != nil {
				return err
			} else if !ok {
				return ErrTooOften
			}
		}
		text, err := s.IssueTicket(ctx, app.PoolID, ticketVerifyEmail, verifyLife, TicketFor{UserID: userID, AppID: app.ID}, address)
		if err != nil {
			return err
		}
		return s.notify.Send(ctx, app.PoolID, notify.Message{Channel: notify.Mail, To: address, Kind: kind, Language: caller.From(ctx).Language, Life: verifyLife,
			Unwanted: userID == "", Params: notify.Params{App: app.Name, User: address, Email: address,
				Link: strings.TrimSuffix(s.issuer, "/oidc") + VerifyEmailPath + "?token=" + text, Minutes: int64(verifyLife / time.Minute)}})
	})
}

// VerifyEmail takes the token of a link of SendVerifyLink and notes that the address is the user's own, if it still is theirs.
// ErrTicketInvalid and ErrTicketUsed as SpendTicket has them. Readers of mail open links by themselves: ask before you call it.
func (s *Signin) VerifyEmail(ctx context.Context, token string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		var address string
		t, err := s.SpendTicket(ctx, ticketVerifyEmail, token, &address)
		if err != nil {
			return err
		}
		u, err := s.dir.User(ctx, t.PoolID, directory.ByID(t.UserID))
		if err != nil || !strings.EqualFold(u.Email, address) {
			return ErrTicketInvalid.Because(err)
		}
		yes := true
		if _, err := s.dir.UpdateUser(ctx, t.PoolID, directory.ByID(u.ID), directory.UserPatch{UserInput: directory.UserInput{EmailVerified: &yes}}); err != nil {
			return err
		}
		return s.log.Add(ctx, t.PoolID, audit.Event{Operation: audit.Update, Resource: audit.User, TargetID: u.ID, TargetName: u.DisplayName(), UserID: u.ID,
			UserEvent: "verifyEmail"})
	})
}

// asker is the address that asks for a code, "" for programs that have shown a secret: they ask for many people from one place.
func asker(ctx context.Context) string {
	c := caller.From(ctx)
	if c.Kind == caller.Key || c.AppProven {
		return ""
	}
	return network(c.ClientIP)
}

// rate is a bound on how often something is done: most times within a window, which begins with the first.
type rate struct {
	name   string
	most   int
	window time.Duration
}

// full reports whether a bound is reached, by a read.
func (s *Signin) full(ctx context.Context, poolID string, r rate) (bool, error) {
	n, err := db.One[int64](ctx, s.db, "select n from rates where pool_id = ? and name = ? and expires_at > ?", poolID, r.name, s.db.Now())
	if errors.Is(err, db.NoRow) {
		return false, nil
	}
	return n >= int64(r.most), err
}

// take counts one more, and reports false when that is too many: nothing is counted then. The count is part of the transaction of ctx.
func (s *Signin) take(ctx context.Context, poolID string, r rate) (bool, error) {
	now := s.db.Now()
	n, err := db.Exec(ctx, s.db, `insert into rates (pool_id, name, n, expires_at) values (?, ?, 1, ?)
		on conflict (pool_id, name) do update set n = case when rates.expires_at <= ? then 1 else rates.n + 1 end,
		expires_at = case when rates.expires_at <= ? then excluded.expires_at else rates.expires_at end
		where rates.expires_at <= ? or rates.n < ?`, poolID, r.name, now+r.window.Milliseconds(), now, now, now, r.most)
	return n > 0, err
}

func orDefault(n, other int) int {
	if n > 0 {
		return n
	}
	return other
}

// SweepGuards forgets codes, counts and locks whose time is over.
func (s *Signin) SweepGuards(ctx context.Context) error {
	now := s.db.Now()
	for _, table := range []string{"passcodes", "rates", "sign_in_failures"} {
		if _, err := db.Exec(ctx, s.db, "delete from "+table+" where expires_at < ?", now); err != nil {
			return err
		}
	}
	return nil
}
