package secret

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt"
	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// Bounds of a hash that comes from elsewhere. Whoever may import users must not be able to make a sign-in take the
// server's memory or a processor for long. Each is above what the well-known makers of such hashes take by default, and
// keeps one check to about a second (sha512-crypt: three for the longest password).
const (
	hashTextMax     = 512       // bytes of the whole text
	hashKeyMin      = 16        // bytes; a shorter key would match too many passwords
	hashKeyMax      = 64        // bytes
	hashMemoryMax   = 128 << 10 // KiB: argon2, scrypt
	argonWorkMax    = 1 << 20   // KiB times passes
	threadsMax      = 16
	scryptWorkMax   = 1 << 20 // N*r*p
	pbkdf2WorkMax   = 2_000_000
	bcryptCostMax   = 14
	shacryptMin     = 1000 // the algorithm's own bound: fewer rounds cannot have been used
	shacryptMax     = 700_000
	shacryptSaltMax = 16
	md5cryptSaltMax = 8
)

const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

var errHashUnknown = errors.New("no known algorithm, or its parameters are out of bounds")

type digest = algorithm.Digest

// Importable checks a password hash that another system made and gives the text to store for it, which Verify
// understands. Known are, in the modular crypt or PHC form, with or without LDAP's {CRYPT} and {ARGON2}: argon2id,
// argon2i, argon2d, bcrypt (2a, 2b, 2y), bcrypt-sha256, scrypt, pbkdf2 (also as {PBKDF2-SHA256}), sha256-crypt,
// sha512-crypt and md5-crypt. Any other text, plain text above all, and parameters beyond the bounds are
// Invalid "password_hash_unknown".
func Importable(stored string) (string, error) {
	canonical := stored
	if len(stored) <= hashTextMax {
		canonical = crypt.Normalize(strings.TrimSpace(stored))
	}
	if _, err := parseDigest(canonical); err != nil {
		return "", fault.New(fault.Invalid, "password_hash_unknown").Because(err)
	}
	return canonical, nil
}

// parseDigest reads the text of a hash and holds its parameters to the bounds before anything is computed with them.
// Its errors hold nothing of the text.
func parseDigest(text string) (digest, error) {
	if len(text) > hashTextMax {
		return nil, errHashUnknown
	}
	part := strings.Split(text, "$")
	if len(part) < 4 || part[0] != "" {
		return nil, errHashUnknown
	}
	scheme, part := part[1], part[2:]
	bounded, decode := false, algorithm.DecodeFunc(nil)
	derived := true // the key is raw bytes of a length that the text chooses
	work := func(int) bool { return true }
	switch scheme {
	case "argon2id", "argon2i", "argon2d":
		decode = argon2.Decode
		if n, ok := numbers(part[1], "m", "t", "p"); ok && len(part) == 4 && part[0] == "v=19" {
			bounded = argonBounded(n[0], n[1], n[2])
		}
	case "2a", "2b", "2y":
		decode, derived = bcrypt.Decode, false
		if len(part) == 2 && len(part[0]) == 2 {
			cost, ok := number(strings.TrimPrefix(part[0], "0"))
			bounded = ok && cost >= 4 && cost <= bcryptCostMax
		}
	case "bcrypt-sha256":
		decode, derived = bcrypt.Decode, false
		rest, ok := strings.CutPrefix(part[0], "v=2,t=2b,")
		if n, numeric := numbers(rest, "r"); ok && numeric && len(part) == 3 {
			bounded = n[0] >= 4 && n[0] <= bcryptCostMax
		}
	case "scrypt":
		decode = scrypt.Decode
		if n, ok := numbers(part[0], "ln", "r", "p"); ok && len(part) == 3 {
			ln, r, p := n[0], n[1], n[2]
			bounded = ln >= 1 && ln <= 20 && r >= 1 && r <= 64 && p >= 1 && p <= threadsMax &&
				r<<ln/8 <= hashMemoryMax && r*p<<ln <= scryptWorkMax
		}
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha224", "pbkdf2-sha256", "pbkdf2-sha384", "pbkdf2-sha512":
		decode = pbkdf2.Decode
		if rounds, ok := number(part[0]); ok && len(part) == 3 {
			bounded = rounds >= 1 && rounds <= pbkdf2WorkMax
			size := map[string]int{"pbkdf2-sha224": 28, "pbkdf2-sha256": 32, "pbkdf2-sha384": 48, "pbkdf2-sha512": 64}[scheme]
			size = max(size, 20)
			// PBKDF2 runs all its rounds again for each block of the hash's size.
			work = func(key int) bool { return (key+size-1)/size*rounds <= pbkdf2WorkMax }
		}
	case "5", "6":
		decode, derived = shacrypt.Decode, false
		keyLen := map[string]int{"5": 43, "6": 86}[scheme]
		rounds := 5000
		if len(part) == 3 {
			n, ok := numbers(part[0], "rounds")
			if !ok {
				return nil, errHashUnknown
			}
			rounds, part = n[0], part[1:]
		}
		bounded = len(part) == 2 && rounds >= shacryptMin && rounds <= shacryptMax && cryptText(part[0], 0, shacryptSaltMax) && cryptText(part[1], keyLen, keyLen)
	case "1":
		decode, derived = md5crypt.Decode, false
		bounded = len(part) == 2 && cryptText(part[0], 0, md5cryptSaltMax) && cryptText(part[1], 22, 22)
	}
	if !bounded {
		return nil, errHashUnknown
	}
	d, err := decode(text)
	if err != nil {
		return nil, errHashUnknown // the library's own error may quote the hash
	}
	if n := len(d.Key()); derived && (n < hashKeyMin || n > hashKeyMax || len(d.Salt()) == 0 || !work(n)) {
		return nil, errHashUnknown
	}
	return d, nil
}

func argonBounded(memory, time, threads int) bool {
	return threads >= 1 && threads <= threadsMax && time >= 1 && time <= argonWorkMax &&
		memory >= 8*threads && memory <= hashMemoryMax && int64(memory)*int64(time) <= argonWorkMax
}

// numbers reads "a=1,b=2" with exactly these names in this order.
func numbers(text string, names ...string) ([]int, bool) {
	parts := strings.Split(text, ",")
	if len(parts) != len(names) {
		return nil, false
	}
	values := make([]int, len(names))
	for i, p := range parts {
		value, named := strings.CutPrefix(p, names[i]+"=")
		n, ok := number(value)
		if !named || !ok {
			return nil, false
		}
		values[i] = n
	}
	return values, true
}

// number reads up to nine digits: no sign, no space, no leading zero, so that each number has one text.
func number(text string) (int, bool) {
	if text == "" || len(text) > 9 || (text[0] == '0' && text != "0") || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

func cryptText(s string, shortest, longest int) bool {
	return len(s) >= shortest && len(s) <= longest && strings.Trim(s, cryptAlphabet) == ""
}
