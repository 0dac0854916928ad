package testhall

import "github.com/descope/virtualwebauthn"

// NewPasskey is a key for virtual authenticators. The library writes coordinates without their leading zeros, which no authenticator
// does: such a key is thrown away.
func NewPasskey() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key on P-256 (RFC 9053, 7.1.1)
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}
