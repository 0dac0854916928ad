package secret

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// cheap keeps the tests fast; no real installation hashes like this.
var cheap = Cost{Memory: 64, Time: 1}

func newHasher(t *testing.T, cost Cost) *Hasher {
	t.Helper()
	h, err := NewHasher(cost)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashVerify(t *testing.T) {
	ctx := t.Context()
	h := newHasher(t, cheap)
	for _, password := range []string{"123456", " ", "密码🔑", strings.Repeat("x", passwordMax), "nul\x00byte", "\xff\xfe"} {
		stored, err := h.Hash(ctx, password)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(stored, "$argon2id$v=19$m=64,t=1,p=1$") {
			t.Errorf("not in PHC form: %s", stored)
		}
		if again, _ := h.Hash(ctx, password); again == stored {
			t.Error("two hashes are equal: the salt is not random")
		}
		if ok, err := h.Verify(ctx, stored, password); err != nil || !ok {
			t.Errorf("verify %q: %v, %v", password, ok, err)
		}
		for _, wrong := range []string{"", password + "x", password[:len(password)-1], "123457", "nul"} {
			if ok, err := h.Verify(ctx, stored, wrong); err != nil || ok {
				t.Errorf("verify %.20q against the hash of %.20q: %v, %v", wrong, password, ok, err)
			}
		}
	}
	for _, password := range []string{"", strings.Repeat("x", passwordMax+1)} {
		if _, err := h.Hash(ctx, password); fault.KindOf(err) != fault.Invalid {
			t.Errorf("hash of %d bytes: %v, want Invalid", len(password), err)
		}
	}
	if ok, err := h.Verify(ctx, "", "123456"); ok || err != nil {
		t.Errorf("verify without a hash: %v, %v", ok, err)
	}
	if ok, err := h.Verify(ctx, "123456", "123456"); ok || err == nil || fault.As(err) != nil {
		t.Errorf("verify against plain text: %v, %v, want an internal error", ok, err)
	}
}

func TestDefaultCost(t *testing.T) {
	h := newHasher(t, Cost{})
	stored, err := h.Hash(t.Context(), "Passw0rd!")
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(stored, want) {
		t.Errorf("%s, want %s", stored, want)
	}
	if s := h.Gate().Size(); s.Running < 1 || s.Waiting != 8*s.Running || s.Patience != 0 {
		t.Errorf("%+v", s)
	}
}

func TestNewHasherBounds(t *testing.T) {
	for name, cost := range map[string]Cost{
		"more memory than may be stored": {Memory: hashMemoryMax + 1},
		"more work than may be stored":   {Memory: hashMemoryMax, Time: 9},
		"less memory than argon2 has":    {Memory: 15, Threads: 2},
		"too many threads":               {Threads: 17},
		"no workers":                     {Workers: -1},
	} {
		if _, err := NewHasher(cost); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Cost{Memory: 64, Time: 1, Workers: 2, Queue: 3})
		stored, err := h.Hash(t.Context(), "123456")
		if err != nil {
			t.Fatal(err)
		}
		busy := func() {
			if err := h.gate.Enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		busy()
		busy()

		done := make(chan error, 3)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, err := h.Hash(ctx, "123456"); done <- err }()
		synctest.Wait()
		for range 2 {
			go func() { _, err := h.Verify(t.Context(), stored, "123456"); done <- err }()
		}
		synctest.Wait()

		if _, err := h.Hash(t.Context(), "123456"); fault.KindOf(err) != fault.Throttled || fault.As(err).Code != "password_busy" {
			t.Errorf("one more than the queue takes: %v, want password_busy", err)
		}
		if _, err := h.Verify(t.Context(), "", "123456"); fault.KindOf(err) != fault.Throttled {
			t.Errorf("an unknown user in a full queue: %v, want password_busy", err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled waiter: %v", err)
		}
		synctest.Wait()
		if n := h.gate.Load().Waiting; n != 2 {
			t.Errorf("%d wait after one was cancelled, want 2", n)
		}
		h.gate.Leave()
		for range 2 {
			if err := <-done; err != nil {
				t.Errorf("a waiter that got its turn: %v", err)
			}
		}
		if _, err := h.Hash(ctx, "123456"); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled caller with a worker free: %v", err)
		}
		h.gate.Leave()
		if l := h.gate.Load(); l.Running != 0 || l.Waiting != 0 || l.Refused != 2 {
			t.Errorf("at rest %+v", l)
		}
	})
}

func TestStale(t *testing.T) {
	h := newHasher(t, cheap)
	own, err := h.Hash(t.Context(), "123456")
	if err != nil {
		t.Fatal(err)
	}
	salt, key := "c29tZXNhbHRzb21lc2FsdA", strings.Repeat("A", 43)
	for _, c := range []struct {
		stored string
		want   bool
	}{
		{own, false},
		{"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key[1:], true},
		{"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + key, true},
		{"$argon2id$v=19$m=64,t=2,p=1$" + salt + "$" + key, true},
		{"$argon2id$v=19$m=128,t=1,p=1$" + salt + "$" + key, true},
		{"$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + key, true},
		{"$2b$12$a07rXVLfZFPxZ0zja0Dqb.h9sVUf8bv4wEPDzRhAzoOwIsRjmS/la", true},
		{"", true},
	} {
		if got := h.Stale(c.stored); got != c.want {
			t.Errorf("Stale(%s) = %v", c.stored, got)
		}
	}
}

func TestLevel(t *testing.T) {
	for password, want := range map[string]int{
		"":                             1,
		"123456":                       1,
		"12345678901234567890":         1, // one class, however long
		"abcdefgh":                     1,
		"abc1234":                      1, // seven
		"aaaaaaa1":                     1, // two different characters
		"aA1!aA1!aA1!":                 1, // four different
		"abcd1234":                     2,
		"Password":                     2,
		"Passw0rd!":                    2, // nine
		"asdas21asd":                   2, // two classes
		"Passw0rd!!":                   3,
		"correct horse battery staple": 3,
		"密码密码123456":                   2, // two classes
		"我的密码很长Ab1":                    2, // nine characters, not bytes
		"我的密码很长很长Ab1":                  3,
	} {
		if got := Level(password); got != want {
			t.Errorf("Level(%q) = %d, want %d", password, got, want)
		}
	}
}

func TestGeneratePassword(t *testing.T) {
	const all = generatedLower + generatedUpper + generatedDigit + generatedOther
	if len(all) != 64 {
		t.Fatalf("%d characters to choose from, want 64: another number favours some", len(all))
	}
	seen, used := map[string]bool{}, map[rune]bool{}
	for range 500 {
		p := GeneratePassword()
		if len(p) != generatedLength || Level(p) != 3 {
			t.Fatalf("%q", p)
		}
		for _, class := range []string{generatedLower, generatedUpper, generatedDigit, generatedOther} {
			if !strings.ContainsAny(p, class) {
				t.Fatalf("%q has none of %s", p, class)
			}
		}
		if seen[p] {
			t.Fatalf("%q came twice", p)
		}
		seen[p] = true
		for _, r := range p {
			used[r] = true
		}
	}
	if len(used) != len(all) {
		t.Errorf("%d different characters in 500 passwords, want %d", len(used), len(all))
	}
}
