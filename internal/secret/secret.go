// Package secret is everything that guards secrets: the master key and what is sealed under it, password hashes, the
// key pairs that passwords travel under, random identifiers and constant-time comparison. It knows no domain and no
// wire, and nothing in it writes a log.
package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
)

// Random is n bytes from the system's random source as 2n lower-case hex digits. Use 16 bytes or more for anything
// that must not be guessed.
func Random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: the runtime ends the process rather than return weak bytes
	return hex.EncodeToString(b)
}

// Equal compares two secrets in a time that depends on their lengths only, never on where they differ.
func Equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
