package secret

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode"

	"golang.org/x/crypto/argon2"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/gate"
)

const (
	passwordMax = 1024 // bytes
	saltBytes   = 16
	keyBytes    = 32
)

// Cost is what a password hash costs. A zero field takes its default: the argon2id parameters that OWASP's Password
// Storage Cheat Sheet asks for at least, as many hashes at once as there are processors, and eight times as many waiting.
type Cost struct {
	Memory  uint32 // KiB; default 19456
	Time    uint32 // passes over the memory; default 2
	Threads uint8  // default 1: one hash to a processor gives more hashes a second than several threads in one
	Workers int    // hashes at once; each takes Memory
	Queue   int    // hashes that may wait for a worker; a negative number: none

	Patience time.Duration // longest wait for a worker; 0: as long as the context lets
}

// Hasher makes and checks password hashes, never more at once than its Cost allows: a flood of sign-ins waits or is
// turned away instead of taking all memory. It is safe for concurrent use.
type Hasher struct {
	cost Cost
	gate *gate.Gate
}

// NewHasher makes a Hasher. It refuses a Cost beyond the bounds that stored hashes are held to (128 MiB, 1 GiB times
// passes, 16 threads), and one that argon2 does not define (8 KiB a thread at least).
func NewHasher(cost Cost) (*Hasher, error) {
	cost.Memory = cmp.Or(cost.Memory, 19456)
	cost.Time = cmp.Or(cost.Time, 2)
	cost.Threads = cmp.Or(cost.Threads, 1)
	cost.Workers = cmp.Or(cost.Workers, runtime.GOMAXPROCS(0))
	cost.Queue = max(cmp.Or(cost.Queue, 8*cost.Workers), 0)
	if !argonBounded(int(cost.Memory), int(cost.Time), int(cost.Threads)) || cost.Workers < 1 {
		return nil, fmt.Errorf("password hashing: memory %d KiB, time %d, threads %d, workers %d are out of bounds", cost.Memory, cost.Time, cost.Threads, cost.Workers)
	}
	workers := gate.New(gate.Size{Running: cost.Workers, Waiting: cost.Queue, Patience: cost.Patience}, fault.New(fault.Throttled, "password_busy"))
	return &Hasher{cost: cost, gate: workers}, nil
}

// Gate is what the hashes pass, for whoever measures it.
func (h *Hasher) Gate() *gate.Gate { return h.gate }

// Busy is Throttled "password_busy" while Hash and Verify would turn a caller away at once. Whoever has work to do before them asks it
// first, so that a flood is turned away for little.
func (h *Hasher) Busy() error { return h.gate.Full() }

// Hash makes the text to store for password: argon2id (RFC 9106) in PHC format with a fresh salt. It returns
// CheckLength's error, Throttled "password_busy" at once when the queue is full and when the wait is over the Cost's Patience, or
// ctx's error while waiting.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := CheckLength(password); err != nil {
		return "", err
	}
	if err := h.gate.Enter(ctx); err != nil {
		return "", err
	}
	defer h.gate.Leave()
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	return fmt.Sprintf("%s%s$%s", h.prefix(), base64.RawStdEncoding.EncodeToString(salt),
		base64.RawStdEncoding.EncodeToString(h.key(password, salt))), nil
}

// prefix is what every hash of the present cost begins with.
func (h *Hasher) prefix() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, h.cost.Memory, h.cost.Time, h.cost.Threads)
}

func (h *Hasher) key(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, h.cost.Time, h.cost.Memory, h.cost.Threads, keyBytes)
}

// Verify tells whether password is the one that stored was made of. stored comes from Hash or from Importable; any
// other text, and one whose parameters are out of bounds, is an internal error. Throttled "password_busy" and ctx's
// errors are as in Hash.
//
// With an empty stored, for a user who does not exist or has no password, it takes as long as for a password hashed at
// the present cost and says no: call it then too, or the time of the answer tells who exists. (An imported hash of
// another cost still shows, until Stale has had it renewed.) A password that CheckLength refuses is answered likewise.
func (h *Hasher) Verify(ctx context.Context, stored, password string) (bool, error) {
	var d digest
	if stored != "" {
		var err error
		if d, err = parseDigest(stored); err != nil {
			return false, fmt.Errorf("a stored password hash is unreadable: %w", err)
		}
	}
	if err := h.gate.Enter(ctx); err != nil {
		return false, err
	}
	defer h.gate.Leave()
	if stored == "" || CheckLength(password) != nil {
		h.key(password[:min(len(password), passwordMax)], make([]byte, saltBytes))
		return false, nil
	}
	ok, err := d.MatchAdvanced(password)
	if err != nil {
		return false, fmt.Errorf("a stored password hash cannot be checked: %w", err)
	}
	return ok, nil
}

// Stale tells that stored was not made by Hash at the present cost. After Verify has said yes, hash the password anew
// and store that.
func (h *Hasher) Stale(stored string) bool {
	rest, ok := strings.CutPrefix(stored, h.prefix())
	salt, key, _ := strings.Cut(rest, "$")
	enc := base64.RawStdEncoding
	return !ok || len(salt) != enc.EncodedLen(saltBytes) || len(key) != enc.EncodedLen(keyBytes)
}

// CheckLength refuses an empty password and one over 1024 bytes with Invalid "field_format" for "password". Nothing in
// this package cuts a password off. What more a password must be is the pool's policy.
func CheckLength(password string) error {
	if password == "" || len(password) > passwordMax {
		return fault.Field("password")
	}
	return nil
}

// Level rates a password for the wire's passwordSecurityLevel: 1 low, 2 medium, 3 high. The wire names no rule; this is
// ours. Characters are of four classes: lower case, upper case, digits, all others.
//
//	3: 10 characters of three classes, or 16 of two
//	2: 8 characters of two classes
//	1: the rest, and whatever has fewer than 5 different characters
func Level(password string) int {
	var lower, upper, digit, other, length int
	different := map[rune]bool{}
	for _, r := range password {
		length++
		different[r] = true
		switch {
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			other = 1
		}
	}
	classes := lower + upper + digit + other
	switch {
	case len(different) < 5:
		return 1
	case length >= 10 && classes >= 3, length >= 16 && classes >= 2:
		return 3
	case length >= 8 && classes >= 2:
		return 2
	}
	return 1
}

// The characters of generated passwords: no two that look alike, no space, quote or backslash. There are 64 of them, so
// that six random bits choose one and favour none.
const (
	generatedLower  = "abcdefghjkmnpqrstuvwxyz"
	generatedUpper  = "ABCDEFGHJKMNPQRSTUVWXYZ"
	generatedDigit  = "23456789"
	generatedOther  = "#%+-=?@_*~"
	generatedLength = 20
)

// GeneratePassword makes a password of 20 characters with all four classes of Level in it, about 118 bits.
func GeneratePassword() string {
	const all = generatedLower + generatedUpper + generatedDigit + generatedOther
	for {
		b := make([]byte, generatedLength)
		rand.Read(b)
		for i := range b {
			b[i] = all[b[i]%64]
		}
		// Drawing again, rather than putting the missing class somewhere, keeps all passwords equally likely.
		p := string(b)
		if strings.ContainsAny(p, generatedLower) && strings.ContainsAny(p, generatedUpper) &&
			strings.ContainsAny(p, generatedDigit) && strings.ContainsAny(p, generatedOther) {
			return p
		}
	}
}
