package signin_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func guarded(p testhall.Pool) *signin.Policy {
	return &signin.Policy{PoolID: p.ID, CaptchaMode: signin.CaptchaAfter, Captcha: signin.Rate{Limit: 3, Interval: 300}, Lock: signin.Rate{Limit: 5, Interval: 900},
		Address: signin.Rate{Limit: 20, Interval: 300}}
}

var failureTimes = []string{"asks_until", "locks_until", "locked_until", "expires_at"}

func TestGuard(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, second testhall.Pool) {
		ctx, policy := from(t.Context(), p, "192.0.2.7"), guarded(p)
		name, email := "guarded", "guarded@example.com"
		u, err := h.Directory.CreateUser(p.As(t.Context()), p.ID, directory.NewUser{UserInput: directory.UserInput{Username: &name, Email: &email}})
		if err != nil {
			t.Fatal(err)
		}
		// The same for who is known and who is not; two spellings are one account, and two ways to name a user are one user.
		doors := map[string]func(i int) signin.Door{
			"known": func(i int) signin.Door {
				return signin.Door{PoolID: p.ID, Account: []string{name, email}[i%2], UserID: u.ID, IP: fmt.Sprintf("192.0.2.%d", i)}
			},
			"unknown": func(i int) signin.Door {
				return signin.Door{PoolID: p.ID, Account: []string{"ghost", " GHOST "}[i%2], IP: fmt.Sprintf("198.51.100.%d", i)}
			},
		}
		for who, door := range doors {
			want := []struct {
				admit string
				left  int
			}{{"", 4}, {"", 3}, {"", 2}, {"captcha_needed", 1}, {"captcha_needed", 0}}
			for i, w := range want {
				if got := code(h.Signin.Admit(ctx, policy, door(i))); got != w.admit {
					t.Errorf("%s, try %d: %q instead of %q", who, i, got, w.admit)
				}
				if left, err := h.Signin.Failed(ctx, policy, door(i)); err != nil || left != w.left {
					t.Errorf("%s, try %d: %d are left instead of %d, %v", who, i, left, w.left, err)
				}
			}
			if got := code(h.Signin.Admit(ctx, policy, door(9))); got != "login_locked" {
				t.Errorf("%s is not locked: %q", who, got)
			}
			if got := code(h.Signin.Passed(ctx, policy, door(9))); got != "login_locked" {
				t.Errorf("%s passes a lock: %q", who, got)
			}
		}
		if locked, err := h.Signin.Locked(ctx, p.ID, u.ID); !locked || err != nil {
			t.Error(locked, err)
		}
		// Other accounts and other pools are not concerned.
		for _, d := range []signin.Door{{PoolID: p.ID, Account: "neighbour", IP: "192.0.2.9"}, {PoolID: second.ID, Account: "ghost"}} {
			if got := code(h.Signin.Admit(ctx, policy, d)); got != "" {
				t.Error(got)
			}
		}
		// An administrator opens the account, by either of the wires' words, though its status never changed.
		no, open := false, directory.Activated
		for i, patch := range []directory.UserPatch{{UserInput: directory.UserInput{Status: &open}}, {UserInput: directory.UserInput{Blocked: &no}}} {
			if _, err := h.Directory.UpdateUser(p.As(t.Context()), p.ID, directory.ByID(u.ID), patch); err != nil {
				t.Fatal(err)
			}
			if got := code(h.Signin.Admit(ctx, policy, doors["known"](3))); got != "" {
				t.Errorf("opened by %d: %q", i, got)
			}
			for k := range 5 {
				if _, err := h.Signin.Failed(ctx, policy, doors["known"](k)); err != nil {
					t.Fatal(err)
				}
			}
		}
		// A lock ends.
		past(t, h, "sign_in_failures", failureTimes, 15*time.Minute)
		if got := code(h.Signin.Admit(ctx, policy, doors["known"](3))); got != "" {
			t.Errorf("after a quarter of an hour: %q", got)
		}
		// Who gets in begins anew.
		for range 3 {
			for k := range 2 {
				if _, err := h.Signin.Failed(ctx, policy, doors["known"](k)); err != nil {
					t.Fatal(err)
				}
			}
			if err := h.Signin.Passed(ctx, policy, doors["known"](0)); err != nil {
				t.Fatal(err)
			}
		}
		records, _, err := h.Log.List(ctx, p.ID, audit.Filter{Resource: audit.UserLogin, UserIDs: []string{u.ID}, Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, r := range records {
			count[r.Operation]++
		}
		if count[audit.Disable] != 3 || count[audit.Enable] != 2 {
			t.Errorf("the log has %v", count)
		}
		past(t, h, "sign_in_failures", failureTimes, time.Hour)
		if err := h.Signin.SweepGuards(ctx); err != nil {
			t.Fatal(err)
		}
		if n, err := db.One[int64](ctx, h.DB, "select count(*) from sign_in_failures"); n != 0 || err != nil {
			t.Error(n, err)
		}
	})
}

// TestGuardAddress tries many accounts from one address.
func TestGuardAddress(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx, policy := t.Context(), guarded(p)
		door := func(i int, ip string) signin.Door {
			return signin.Door{PoolID: p.ID, Account: fmt.Sprintf("someone-%d", i), IP: ip}
		}
		for i := range 300 {
			// An IPv6 network is one address.
			if _, err := h.Signin.Failed(ctx, policy, door(i, fmt.Sprintf("2001:db8::%x", i))); err != nil {
				t.Fatal(err)
			}
			want := ""
			switch {
			case i+1 >= 300:
				want = "login_flood"
			case i+1 >= 20:
				want = "captcha_needed"
			}
			if i%19 == 0 || i > 297 {
				if got := code(h.Signin.Admit(ctx, policy, door(1000, "2001:db8::ffff:1"))); got != want {
					t.Errorf("after %d: %q instead of %q", i+1, got, want)
				}
			}
		}
		if got := code(h.Signin.Admit(ctx, policy, door(1000, "2001:db8:0:1::1"))); got != "" {
			t.Errorf("another network: %q", got)
		}
		// Who is refused costs no write.
		before, err := db.One[int64](ctx, h.DB, "select sum(asks_n) from sign_in_failures")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if got := code(h.Signin.Admit(ctx, policy, door(2000+i, "2001:db8::1"))); got != "login_flood" {
				t.Fatal(got)
			}
		}
		if after, err := db.One[int64](ctx, h.DB, "select sum(asks_n) from sign_in_failures"); after != before || err != nil {
			t.Error(before, after, err)
		}
	})
}

// TestGuardAtOnce counts failures of one account on two servers at once: none is lost, and none passes behind the last.
func TestGuardAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		servers := []*testhall.Hall{h}
		if h.DB.Engine() != "sqlite" {
			servers = append(servers, h.Again(t))
		}
		policy := guarded(p)
		policy.Lock.Limit = 100
		door := signin.Door{PoolID: p.ID, Account: "victim", IP: "192.0.2.1"}
		var zero, locked atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				left, err := servers[i%len(servers)].Signin.Failed(t.Context(), policy, door)
				if err != nil {
					t.Error(err)
				}
				if left == 0 {
					zero.Add(1)
				}
			}()
		}
		wg.Wait()
		if zero.Load() != 1 {
			t.Errorf("%d were the last", zero.Load())
		}
		for range 20 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if code(h.Signin.Passed(t.Context(), policy, door)) == "login_locked" {
					locked.Add(1)
				}
			}()
		}
		wg.Wait()
		if locked.Load() != 20 {
			t.Errorf("%d of 20 found the lock", locked.Load())
		}
	})
}

func TestUnlock(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx := from(t.Context(), p, "192.0.2.7")
		email := "locked@example.com"
		u, err := h.Directory.CreateUser(p.As(t.Context()), p.ID, directory.NewUser{UserInput: directory.UserInput{Email: &email},
			Password: &directory.PasswordInput{Text: "Right-1234"}})
		if err != nil {
			t.Fatal(err)
		}
		app, policy := appOf(t, h, p), guarded(p)
		lock := func() {
			for range 5 {
				if _, err := h.Signin.Failed(ctx, policy, signin.Door{PoolID: p.ID, UserID: u.ID}); err != nil {
					t.Fatal(err)
				}
			}
			past(t, h, "passcodes", []string{"sent_at"}, time.Minute)
		}
		isLocked := func(want bool) {
			t.Helper()
			if locked, err := h.Signin.Locked(ctx, p.ID, u.ID); locked != want || err != nil {
				t.Error(locked, err)
			}
		}
		lock()
		c := sendCode(t, h, p, signin.PurposeUnlock, signin.Address{Email: email})
		if got := code(h.Signin.Unlock(ctx, app, signin.Address{Email: email}, other(c))); got != "passcode_wrong" {
			t.Error(got)
		}
		isLocked(true)
		if err := h.Signin.Unlock(ctx, app, signin.Address{Email: email}, c); err != nil {
			t.Error(err)
		}
		isLocked(false)

		// Nobody's address: the same answers.
		nobody := signin.Address{Email: "nobody@example.com"}
		c = sendCode(t, h, p, signin.PurposeUnlock, nobody)
		if got := code(h.Signin.Unlock(ctx, app, nobody, c)); got != "" {
			t.Error(got)
		}

		// With the password, where the pool wants that, or not at all.
		set := func(on bool, strategy string) {
			t.Helper()
			s := directory.PoolSettings{SecuritySettings: directory.SecuritySettings{SelfUnlock: &directory.SelfUnlock{Enabled: &on, Strategy: &strategy}}}
			if _, err := h.Directory.UpdatePool(p.As(t.Context()), p.ID, directory.PoolPatch{Settings: s}); err != nil {
				t.Fatal(err)
			}
		}
		set(true, "password-captcha")
		lock()
		c = sendCode(t, h, p, signin.PurposeUnlock, signin.Address{Email: email})
		if got := code(h.Signin.Unlock(ctx, app, signin.Address{Email: email}, c)); got != "unlock_password_needed" {
			t.Error(got)
		}
		if got := code(h.Signin.UnlockByPassword(ctx, app, signin.Address{Email: email}, c, "wrong")); got != "login_password_wrong" {
			t.Error(got)
		}
		isLocked(true)
		lock()
		c = sendCode(t, h, p, signin.PurposeUnlock, signin.Address{Email: email})
		if got := code(h.Signin.UnlockByPassword(ctx, app, signin.Address{Email: email}, c, "Right-1234")); got != "" {
			t.Error(got)
		}
		isLocked(false)
		set(false, "captcha")
		if got := code(h.Signin.Unlock(ctx, app, signin.Address{Email: email}, c)); got != "unlock_off" {
			t.Error(got)
		}
	})
}
