package signin

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Door is a try to get in, whatever wire and page it comes through: failures are counted together.
type Door struct {
	PoolID  string
	Account string // what the caller names the user; normalised, so that one spelling counts as another
	UserID  string // the user, where the account has one
	IP      string // that the request comes from; "" is not counted
	Captcha Captcha
}

// Errors of doors.
var (
	// ErrLocked says that an account is locked since too many secrets were wrong.
	ErrLocked = fault.New(fault.Forbidden, "login_locked")
	// ErrCaptchaNeeded says that a picture has to be read first: see NewCaptcha.
	ErrCaptchaNeeded = fault.New(fault.Forbidden, "captcha_needed")
	// ErrCaptchaWrong says that the answer to a picture is wrong, or that the picture is spent: a new one must be asked for.
	ErrCaptchaWrong = fault.New(fault.Forbidden, "captcha_wrong")
	// ErrFlood says that too many tries from one address failed.
	ErrFlood = fault.New(fault.Throttled, "login_flood")
	// ErrUnlockOff says that users do not unlock their accounts by themselves.
	ErrUnlockOff = fault.New(fault.Forbidden, "unlock_off")
	// ErrUnlockPassword says that unlocking asks for the password too.
	ErrUnlockPassword = fault.New(fault.Forbidden, "unlock_password_needed")
)

const (
	ipStops  = 300     // failures from one address, or four times the policy's bound, then nobody comes in from there for a while
	ipWindow = 5 * 60  // seconds
	noWindow = 60 * 60 // seconds that failures are remembered where the policy says nothing
)

// failures are the counts of one subject.
type failures struct {
	Subject     string `db:"subject"`
	AsksN       int64  `db:"asks_n"`
	AsksUntil   int64  `db:"asks_until"`
	LocksN      int64  `db:"locks_n"`
	LocksUntil  int64  `db:"locks_until"`
	LockedUntil int64  `db:"locked_until"`
}

// subjects are whom the door's failures are counted for: the user, or else the account that nobody has, and the address.
func (s *Signin) subjects(d Door) (account, ip string) {
	if d.UserID != "" {
		account = "user/" + d.UserID
	} else {
		account = "account/" + s.keyed("account", d.PoolID, strings.ToLower(strings.TrimSpace(d.Account)))
	}
	if n := network(d.IP); n != "" {
		ip = "ip/" + s.keyed("ip", n)
	}
	return account, ip
}

// network is what an address counts as: IPv6 by its network. "" for what is none.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ""
	}
	return p.String()
}

// failuresOf reads the counts of both subjects of a door.
func (s *Signin) failuresOf(ctx context.Context, d Door) (account, ip failures, err error) {
	a, i := s.subjects(d)
	list, err := db.List[failures](ctx, s.db, "select "+db.Columns[failures]()+" from sign_in_failures where pool_id = ? and subject in (?...) limit 2",
		d.PoolID, []string{a, i})
	for _, f := range list {
		if f.Subject == a {
			account = f
		} else {
			ip = f
		}
	}
	return account, ip, err
}

// Admit is asked before any secret is looked at: ErrLocked, ErrFlood, ErrCaptchaNeeded, ErrCaptchaWrong, or nil. It answers the same for accounts
// that nobody has. It only reads, but for a captcha, which is spent by being shown: whoever is refused costs no write.
func (s *Signin) Admit(ctx context.Context, policy *Policy, d Door) error {
	account, ip, err := s.failuresOf(ctx, d)
	if err != nil {
		return err
	}
	now := s.db.Now()
	if account.LockedUntil > now {
		return ErrLocked
	}
	if ip.LocksUntil > now && ip.LocksN >= max(ipStops, 4*int64(policy.Address.Limit)) {
		return ErrFlood
	}
	if !wantsCaptcha(policy, d.IP, account, ip, now) {
		return nil
	}
	if d.Captcha.Token == "" || d.Captcha.Code == "" {
		return ErrCaptchaNeeded
	}
	return s.spendCaptcha(ctx, d.PoolID, d.Captcha)
}

// CaptchaWanted reports whether the next try through a door has to bring a captcha.
func (s *Signin) CaptchaWanted(ctx context.Context, policy *Policy, d Door) (bool, error) {
	account, ip, err := s.failuresOf(ctx, d)
	return wantsCaptcha(policy, d.IP, account, ip, s.db.Now()), err
}

func wantsCaptcha(policy *Policy, address string, account, ip failures, now int64) bool {
	switch {
	case policy.CaptchaMode == CaptchaNever, isFree(address, policy.CaptchaFree):
		return false
	case policy.CaptchaMode == CaptchaAlways:
		return true
	}
	reached := func(f failures, most int) bool { return most > 0 && f.AsksUntil > now && f.AsksN >= int64(most) }
	return reached(account, policy.Captcha.Limit) || reached(ip, policy.Address.Limit)
}

// isFree reports whether an address is among addresses and networks.
func isFree(address string, list []string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	a = a.Unmap()
	for _, entry := range list {
		if p, err := netip.ParsePrefix(entry); err == nil && p.Contains(a) {
			return true
		}
		if other, err := netip.ParseAddr(entry); err == nil && other.Unmap() == a {
			return true
		}
	}
	return false
}

// Failed counts a wrong secret, and locks the account when that is one too many. left is how many more may be wrong before it is locked, -1
// when nothing locks it. It is called outside of transactions that may be undone.
func (s *Signin) Failed(ctx context.Context, policy *Policy, d Door) (left int, err error) {
	subject, ip := s.subjects(d)
	left = -1
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		f, now, err := s.countFailure(ctx, d.PoolID, subject, window(policy.Captcha.Interval), window(policy.Lock.Interval))
		if err != nil {
			return err
		}
		if most := policy.Lock.Limit; most > 0 {
			left = max(most-int(f.LocksN), 0)
			if left == 0 && f.LockedUntil <= now {
				until := now + window(policy.Lock.Interval)
				if _, err := db.Exec(ctx, s.db, "update sign_in_failures set locked_until = ?, expires_at = ? where pool_id = ? and subject = ?",
					until, until, d.PoolID, subject); err != nil {
					return err
				}
				if d.UserID != "" {
					if err := s.log.Add(ctx, d.PoolID, audit.Event{Operation: audit.Disable, Resource: audit.UserLogin, TargetID: d.UserID, UserID: d.UserID,
						After: map[string]any{"locked_until": until}}); err != nil {
						return err
					}
				}
			}
		}
		if ip != "" {
			_, _, err = s.countFailure(ctx, d.PoolID, ip, window(policy.Address.Interval), ipWindow*1000)
		}
		return err
	})
	return left, err
}

// window is an interval of a policy in milliseconds.
func window(seconds int64) int64 {
	if seconds <= 0 {
		seconds = noWindow
	}
	return min(seconds, 366*86400) * 1000
}

// countFailure adds one to both counts of a subject and returns them; the row stays locked until the transaction of ctx ends.
func (s *Signin) countFailure(ctx context.Context, poolID, subject string, asks, locks int64) (failures, int64, error) {
	now := s.db.Now()
	f, err := db.One[failures](ctx, s.db, `insert into sign_in_failures (pool_id, subject, asks_n, asks_until, locks_n, locks_until, locked_until, expires_at)
		values (?, ?, 0, 0, 0, 0, 0, ?) on conflict (pool_id, subject) do update set subject = excluded.subject
		returning subject, asks_n, asks_until, locks_n, locks_until, locked_until`, poolID, subject, now)
	if err != nil {
		return f, now, err
	}
	if f.AsksUntil <= now {
		f.AsksN, f.AsksUntil = 0, now+asks
	}
	if f.LocksUntil <= now {
		f.LocksN, f.LocksUntil = 0, now+locks
	}
	f.AsksN++
	f.LocksN++
	_, err = db.Exec(ctx, s.db, "update sign_in_failures set asks_n = ?, asks_until = ?, locks_n = ?, locks_until = ?, expires_at = ? where pool_id = ? and subject = ?",
		f.AsksN, f.AsksUntil, f.LocksN, f.LocksUntil, max(f.AsksUntil, f.LocksUntil, f.LockedUntil), poolID, subject)
	return f, now, err
}

// Passed forgets the failures of an account whose secret was right. ErrLocked when the account was locked meanwhile: of many guesses that are
// made at once none passes once as many as may be wrong were.
func (s *Signin) Passed(ctx context.Context, _ *Policy, d Door) error {
	account, _, err := s.failuresOf(ctx, d)
	if err != nil || account.Subject == "" {
		return err
	}
	now := s.db.Now()
	if account.LockedUntil > now {
		return ErrLocked
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, s.db, "delete from sign_in_failures where pool_id = ? and subject = ? and locked_until <= ?", d.PoolID, account.Subject, now)
		if err != nil || n > 0 {
			return err
		}
		// Another has passed and forgotten them, or the last bad guess has just locked it.
		again, _, err := s.failuresOf(ctx, d)
		if err == nil && again.LockedUntil > now {
			err = ErrLocked
		}
		return err
	})
}

// Locked reports whether an account is locked by failures.
func (s *Signin) Locked(ctx context.Context, poolID, userID string) (bool, error) {
	f, _, err := s.failuresOf(ctx, Door{PoolID: poolID, UserID: userID})
	return f.LockedUntil > s.db.Now(), err
}

// Unlock opens an account that failures have locked, for who holds a code for it (PurposeUnlock). It answers the same for addresses that
// nobody has. ErrUnlockOff and ErrUnlockPassword where the policy wants no such thing, or the password as well; else SpendPasscode's.
func (s *Signin) Unlock(ctx context.Context, app *Application, to Address, code string) error {
	return s.unlock(ctx, app, to, code, nil)
}

// UnlockByPassword is Unlock with the user's password, as some policies want it. ErrPasswordWrong when it is not theirs.
func (s *Signin) UnlockByPassword(ctx context.Context, app *Application, to Address, code, password string) error {
	return s.unlock(ctx, app, to, code, &password)
}

func (s *Signin) unlock(ctx context.Context, app *Application, to Address, code string, password *string) error {
	policy, err := s.Policy(ctx, app)
	switch {
	case err != nil:
		return err
	case !policy.SelfUnlock:
		return ErrUnlockOff
	case policy.UnlockByBoth && password == nil:
		return ErrUnlockPassword
	}
	// The code comes first: a locked account's password is not to be guessed here.
	if err := s.SpendPasscode(ctx, app.PoolID, PurposeUnlock, to, code); err != nil {
		return err
	}
	u, err := s.dir.UserByPrincipals(ctx, app.PoolID, directory.Principals{Email: to.Email, Phone: to.Phone, PhoneCountryCode: to.PhoneCountryCode})
	if err != nil && fault.As(err) == nil {
		return err
	}
	if err != nil {
		u = nil
	}
	if policy.UnlockByBoth {
		if ok, err := s.dir.CheckPassword(ctx, u, *password); err != nil {
			return err
		} else if !ok {
			return ErrPasswordWrong
		}
	}
	if u == nil {
		return nil
	}
	return s.UnlockUser(ctx, app.PoolID, u.ID)
}

// UnlockUser opens an account that failures have locked and forgets them: what an administrator does, or a user who has proven
// themselves otherwise.
func (s *Signin) UnlockUser(ctx context.Context, poolID, userID string) error {
	subject, _ := s.subjects(Door{PoolID: poolID, UserID: userID})
	return s.db.Tx(ctx, func(ctx context.Context) error {
		f, err := db.One[failures](ctx, s.db, "select "+db.Columns[failures]()+" from sign_in_failures where pool_id = ? and subject = ? for update", poolID, subject)
		if errors.Is(err, db.NoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := db.Exec(ctx, s.db, "delete from sign_in_failures where pool_id = ? and subject = ?", poolID, subject); err != nil {
			return err
		}
		if f.LockedUntil <= s.db.Now() {
			return nil
		}
		e := audit.Event{Operation: audit.Enable, Resource: audit.UserLogin, TargetID: userID, UserID: userID}
		if caller.From(ctx).Kind != caller.Key {
			e.UserEvent = "unlock"
		}
		return s.log.Add(ctx, poolID, e)
	})
}
