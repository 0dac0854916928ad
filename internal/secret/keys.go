package secret

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/emmansun/gmsm/ecdh"
	"github.com/emmansun/gmsm/sm2"

	"github.com/guildhall-id/guildhall/internal/fault"
)

const rsaBits = 2048

// undecryptable is the one answer to everything that is wrong with an encrypted password.
func undecryptable() error { return fault.New(fault.Invalid, "password_undecryptable") }

// NewRSA makes the key that a pool's clients encrypt passwords to: 2048 bits, which takes a password of up to 245 bytes.
// It takes tenths of a second: keep it out of transactions.
func NewRSA() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, rsaBits) }

// EncodeRSA is the text to seal and store: PEM of PKCS #8.
func EncodeRSA(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("secret: " + err.Error()) // only for key types that it does not know
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// ParseRSA reads what EncodeRSA wrote. Its errors are internal.
func ParseRSA(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("secret: the RSA key is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("secret: the RSA key is unreadable: %w", err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("secret: the RSA key is a %T", parsed)
	}
	return key, nil
}

// PublicRSA is the public half as clients fetch it: PEM of SubjectPublicKeyInfo (RFC 5280).
func PublicRSA(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic("secret: " + err.Error()) // only for key types that it does not know
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// NewEC makes a key on the curve P-256, for signatures by ES256 (RFC 7518, 3.4).
func NewEC() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// EncodeEC is the text to seal and store: PEM of PKCS #8.
func EncodeEC(key *ecdsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("secret: " + err.Error()) // only for key types that it does not know
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// ParseEC reads what EncodeEC wrote. Its errors are internal.
func ParseEC(text string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("secret: the EC key is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("secret: the EC key is unreadable: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("secret: the EC key is a %T of another kind", parsed)
	}
	return key, nil
}

// PublicEC is the public half: PEM of SubjectPublicKeyInfo (RFC 5480).
func PublicEC(key *ecdsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic("secret: " + err.Error()) // only for key types that it does not know
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// DecryptRSA decrypts a password that a client encrypted with PKCS #1 v1.5 (RFC 8017, 7.2), in standard base64. The
// clients offer no better padding.
//
// Whatever is wrong, base64, length or padding, is the same Invalid "password_undecryptable", and crypto/rsa looks at the
// padding in constant time. That alone does not close Bleichenbacher's attack: any difference between this failure and a
// wrong password tells valid padding. A sign-in must therefore answer it as a wrong password, after
// (*Hasher).Verify with an empty hash; only where a password is being set may the failure be told.
func DecryptRSA(key *rsa.PrivateKey, base64Text string) ([]byte, error) {
	if len(base64Text) > 2*key.Size() { // a third more than the block takes, line breaks and all
		return nil, undecryptable()
	}
	ciphertext, err := base64.StdEncoding.DecodeString(base64Text)
	if err != nil {
		return nil, undecryptable()
	}
	plain, err := rsa.DecryptPKCS1v15(nil, key, ciphertext)
	if err != nil {
		return nil, undecryptable()
	}
	return plain, nil
}

const (
	sm2Prefix    = "sm2:"
	sm2Scalar    = 32 // bytes of a coordinate and of the private key
	sm2Point     = 1 + 2*sm2Scalar
	sm2Digest    = 32 // bytes of SM3, the C3 part
	uncompressed = 0x04
)

// NewSM2 makes a key on the SM2 curve (GB/T 32918.5) for passwords.
func NewSM2() (*sm2.PrivateKey, error) { return sm2.GenerateKey(rand.Reader) }

// EncodeSM2 is the text to seal and store: the private scalar as 64 hex digits, which sm-crypto takes as a private key.
func EncodeSM2(key *sm2.PrivateKey) string {
	return hex.EncodeToString(key.D.FillBytes(make([]byte, sm2Scalar)))
}

// ParseSM2 reads what EncodeSM2 wrote. Its errors are internal.
func ParseSM2(text string) (*sm2.PrivateKey, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, errors.New("secret: the SM2 key is not hex")
	}
	// This constructor checks the scalar's range and finds the public point.
	private, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		return nil, errors.New("secret: the SM2 key is not on the curve")
	}
	point := private.PublicKey().Bytes()
	return new(sm2.PrivateKey).FromECPrivateKey(&ecdsa.PrivateKey{
		PublicKey: ecdsa.PublicKey{
			Curve: sm2.P256(),
			X:     new(big.Int).SetBytes(point[1 : 1+sm2Scalar]),
			Y:     new(big.Int).SetBytes(point[1+sm2Scalar:]),
		},
		D: new(big.Int).SetBytes(raw),
	})
}

// PublicSM2 is the public point as sm-crypto wants it: uncompressed, 130 hex digits that begin with 04.
func PublicSM2(key *sm2.PrivateKey) string {
	point := make([]byte, sm2Point)
	point[0] = uncompressed
	key.X.FillBytes(point[1 : 1+sm2Scalar])
	key.Y.FillBytes(point[1+sm2Scalar:])
	return hex.EncodeToString(point)
}

// DecryptSM2 decrypts a password that a client encrypted with SM2 (GB/T 32918.4) in the order C1C3C2: hex with or
// without "sm2:" before it, C1 with or without its leading 04 (sm-crypto leaves it off). Whatever is wrong is Invalid
// "password_undecryptable". C3 authenticates the text, so the failure tells an attacker nothing of another ciphertext.
func DecryptSM2(key *sm2.PrivateKey, text string) ([]byte, error) {
	text = strings.TrimPrefix(text, sm2Prefix)
	if len(text) > 2*(sm2Point+sm2Digest+passwordMax) {
		return nil, undecryptable()
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, undecryptable()
	}
	// A first byte 04 may be the mark or, once in 256 times, the beginning of the point itself: C3 tells which is right.
	bare := append([]byte{uncompressed}, raw...)
	for _, ciphertext := range [][]byte{raw, bare} {
		if len(ciphertext) <= sm2Point+sm2Digest || ciphertext[0] != uncompressed {
			continue
		}
		if plain, err := sm2.Decrypt(key, ciphertext); err == nil {
			return plain, nil
		}
	}
	return nil, undecryptable()
}
