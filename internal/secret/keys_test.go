package secret

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm2"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// Made by Node's crypto: a key, and a password encrypted to it.
const (
	rsaKeyPEM = `-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDsWIga/T6FpgEi
L4hb5CTFdnUJgL/o78jWgMa7IePZp9fkr8pflhftRHqso+ZC8hno2ChkzBGfbxKZ
vPiNf5SYalgRjRq2GLkRJI3mtPG8mRy32PC+jg3en8HJDFurbWrwgN3uprjcx5pU
dAGzRHv8v/1MEN7RIlPGsxBqBtmvwfhENZ5NQ9rw2PI4+6fP2Wqxr+IYYMqYfUy1
HkCubS8ZoxMlppgYJyDe4D3nAY5V4iWUfQMCb5vqypUUp9k7V5LCO52a/QpXH6Vu
INIXJZkLypO9Gx5+CWNggDGVsQQACFIk1PIIDioT/POlWJW5bqkZA2e++2T+TqrD
10V9krMrAgMBAAECggEAH+32oUgiPgsHGde4a8r+yWsvSj6JxA3qS58FJNCMyDcR
MdTVRHmct5IUoqXX3KZ5fUf/7lzVaqfQ/afBH9ijD2jv3JsmsdWANxfW+y/p0p66
zv7wyJryC71N1aak7HFxTOw+pK2tyYHxJcSwWsgp705UCYaOm6FawRF9lQgM47NQ
fpmxVsNbHuvmIIMH1e6YGde23jx6D45Vwx8eapDeyiTmshm3G5ORAJHhdQKYN0ka
PtIB0051mZy60p+oyY+zPay67JgPlZhURYWShPWvA1tkH3itCoQSQTtaQdYZ56S6
pdEjYNXf1qQIDBdwZvezpOLJsLl8n6xXqpHSnPd+fQKBgQD6USL4pc6QZC3pYH4q
Xz9hf0D7KinnzphubVGNvxwHVMwP6q9zwhx6UaFil7rjOs2q06vWAWp1fc5+NV9s
ZncWjfmKuAgBh+B+wStdoxn3DH/ZNwUUfVqFIff2s0zOeJaNjLNdK6XUlIEaBZ0w
XOrwaA6Cd3b6YgndNoiY14c8jwKBgQDxtjGZ74LYecH8bzqbS29Lk2gU98jcAx4u
X6NJxOgDfu9JJ2/Bb9ZnzepHDSN2vboGoIW/1Hq9yKWpkSNxG/jXYOW6qRTTNoBN
lXEXEJvqIvXLUm1nByvIi4+TEk0fuIgf4RyPK6TbC+/8zJP8fi6SO6jAzdAfYZHG
13ZlodglpQKBgB5qG2Cw7M9YjMeNhObrGc1j4+ZgsiTLUnQgbkdV0DcH05+feWAM
Vt956a0MGJYhf/ngrEFdfKz3804ceBK4xIGGEKsNP1PISbu9BuLivXXqG+Ktr71U
mdoRTYq5MHzp5Akg7m5ErmqM/L7HrdjBgX5idljd4SP9I4uwY5qGnZT7AoGAEaMH
r4HIfF82BmNfVWGFt3AEEjOaVmNr2lpkIcfaXhbvAtl70BOHA4AE7jZJNirV3hHs
cHjik+KGI/9RJLmzyJNrb9lSia7aYc7bt6Egn075vGJBVVkymqmESmj1c7EVTa4x
VUkL+GfAlSOgULYsU8NCpv7dhsypxGaIXxYWHXkCgYEAq6ARuHVyEakTpvujhln0
MKV93wxXSZ5WCqRvD93/MyaGXT6qixsayF3dI8ReyGS5vi1j2tIW6jRYwZ56uvQ/
brXnBepihdNUa5yIfduqj+VnaYDHGOdxcdHVtj3XQ8PL3I5nCdN2b6iuIRC0RSB2
q4rsvfGcfP3xdewJOr0OopM=
-----END PRIVATE KEY-----
`
	rsaText   = "pässword 密码"
	rsaBase64 = "UxVwR0GjSNnQGM4zUOTKyhfIZ0hQs53OGAoYwD1VKK/KPbNIOj55DX+EQntjyl4UKvIWAOVt3R3RAZCumzJgQBVc9Nd2DkOaoHHgzV+XpsmFv91rj0KY8o69rSPt5lBjLkv/6ebfRWwTUdYkQTpiyJcQBFbR1Li5VHyKLUMO1K2wxa8BYY8O1JJki9eJSmuWwx7zyck9lZOYcNrUbqW+B1bwZXpfVb2BJ7VG7Uk9uJQx+BqvKI79YvdxCsZfc0onvbiiGQhqjAkBhCLoQ2fTOrdBou2ww0ASABxvwVwbVslm8L2UwpmMWEqiO7li2wdqwiX9d4taZR75MiK9r984KA=="
)

func TestRSA(t *testing.T) {
	key, err := ParseRSA(rsaKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecryptRSA(key, rsaBase64); err != nil || string(got) != rsaText {
		t.Errorf("decrypted %q, %v", got, err)
	}
	lines := rsaBase64[:64] + "\r\n" + rsaBase64[64:]
	if got, err := DecryptRSA(key, lines); err != nil || string(got) != rsaText {
		t.Errorf("in two lines: %q, %v", got, err)
	}
	if again, err := ParseRSA(EncodeRSA(key)); err != nil || !again.Equal(key) {
		t.Errorf("what is stored is another key: %v", err)
	}
	block, rest := pem.Decode([]byte(PublicRSA(key)))
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) != 0 {
		t.Fatalf("the public half is not one PEM block: %s", PublicRSA(key))
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil || !key.PublicKey.Equal(public) {
		t.Errorf("the public half is another key: %v", err)
	}
}

func TestNewRSA(t *testing.T) {
	key, err := NewRSA()
	if err != nil {
		t.Fatal(err)
	}
	if key.Size() != rsaBits/8 {
		t.Errorf("%d bits", key.Size()*8)
	}
	other, err := NewRSA()
	if err != nil || other.Equal(key) {
		t.Errorf("two keys are equal, %v", err)
	}
}

func TestParseRSARefuses(t *testing.T) {
	sm, err := NewSM2()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":  "",
		"not PEM":  "key",
		"not DER":  "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"SM2 text": EncodeSM2(sm),
		"Ed25519":  "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n",
	} {
		if _, err := ParseRSA(text); err == nil || fault.As(err) != nil {
			t.Errorf("%s: %v, want an internal error", name, err)
		}
	}
}

func TestDecryptRSARefuses(t *testing.T) {
	key, err := ParseRSA(rsaKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	// Blocks with the marks of the padding wrong, encrypted without any padding of ours.
	raw := func(block func(b []byte)) string {
		b := bytes.Repeat([]byte{1}, key.Size())
		b[0], b[1], b[200] = 0, 2, 0
		block(b)
		c := new(big.Int).Exp(new(big.Int).SetBytes(b), big.NewInt(int64(key.E)), key.N)
		return base64.StdEncoding.EncodeToString(c.FillBytes(make([]byte, key.Size())))
	}
	if got, err := DecryptRSA(key, raw(func([]byte) {})); err != nil || len(got) != key.Size()-201 {
		t.Fatalf("the block that the bad ones are made from: %d bytes, %v", len(got), err)
	}
	whole, err := base64.StdEncoding.DecodeString(rsaBase64)
	if err != nil {
		t.Fatal(err)
	}
	otherKey, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.EncryptPKCS1v15(rand.Reader, &otherKey.PublicKey, []byte("123456"))
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	for name, text := range map[string]string{
		"nothing":          "",
		"plain text":       "123456",
		"not base64":       "!" + rsaBase64[1:],
		"URL base64":       strings.NewReplacer("+", "-", "/", "_").Replace(rsaBase64),
		"hex":              hex.EncodeToString(whole),
		"short":            encode(whole[1:]),
		"long":             encode(append(whole, 0)),
		"very long":        encode(make([]byte, 1<<20)),
		"zero":             encode(make([]byte, key.Size())),
		"over the modulus": encode(bytes.Repeat([]byte{0xff}, key.Size())),
		"another key":      encode(other),
		"first byte":       raw(func(b []byte) { b[0] = 1 }),
		"block type":       raw(func(b []byte) { b[1] = 1 }),
		"no end":           raw(func(b []byte) { b[200] = 1 }),
		"early end":        raw(func(b []byte) { b[5] = 0 }),
	} {
		got, err := DecryptRSA(key, text)
		f := fault.As(err)
		if f == nil || f.Kind != fault.Invalid || f.Code != "password_undecryptable" || f.Cause != nil || f.Args != nil || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Made by npm's sm-crypto 0.3.14: a key, and texts encrypted to it with cipherMode 1.
const (
	sm2Private = "00974bf3f35ca6d099f98fd59934628f005c0764f5d44da4478d31a07ff2077a"
	sm2Public  = "04826b752f14244c5b56d136d6e5208dcb9e45511a800fedfe213198ccdcfc2be03aad9ec59454e79c59e5df5cdbb8ac83d1a3a0d8a6cae724921c7de53bf2fab7"
)

var sm2Vectors = []struct{ text, ciphertext string }{
	{"123456", "c8cd1574dcb8fa419812f852948c55f2c9d2c56da34bc0a18169354af967cca73bd16a0b1ebf8b2cbf0ef2e6df3f4b77c0baf0d5f3c72623547ea6947e8933106cb9ede3957b9a0e11e6a7e82c60153b5fc946249182f94b8e3c9eeb68940432b6d8b53706c5"},
	{"密码🔑 long enough to need a second block of the key derivation", "e0c0c1ff6a19a5a52cea234af825c52faedb382f1a00e7affa29ed03944c1b2ad192ff330de252eb47c641ef0d7ef16557a47957a43b0565a12bbc01dfedc1c419a42f0b6be40c35c3ad54141fe7a778f946c11c19dc2372e6915c11fc375d7755d2f140b6ffbd4e401cd8f9adfe3e176a6f6cc138e0096d14a88b6887129c98ccf295df0852bf52e20b28b0245c160ea4833eb6c8d04c8435126eb7bec7058b92f5f4"},
	// The point's own first byte is 04.
	{"Passw0rd!", "04dcbdc6a396d1e1688fe7e563590f4ac134498e96c310990a80ecc83a37db05bc75ec1a4a13c88f9c56a84bb1637827f5ffb51d76d793c18c3e20331ef00acd0828935221c8955135285f03e077e7c35cd25c83e6783d4c3e258c6d5f62d2dceae38afcf3b02370fe"},
}

func TestSM2(t *testing.T) {
	key, err := ParseSM2(sm2Private)
	if err != nil {
		t.Fatal(err)
	}
	if got := EncodeSM2(key); got != sm2Private {
		t.Errorf("stored as %s", got)
	}
	if got := PublicSM2(key); got != sm2Public {
		t.Errorf("public point %s", got)
	}
	for _, v := range sm2Vectors {
		for _, form := range []string{v.ciphertext, "04" + v.ciphertext, "sm2:" + v.ciphertext, "sm2:04" + v.ciphertext, "sm2:" + strings.ToUpper(v.ciphertext)} {
			if got, err := DecryptSM2(key, form); err != nil || string(got) != v.text {
				t.Errorf("%.20s…: %q, %v", form, got, err)
			}
		}
	}
}

func TestNewSM2(t *testing.T) {
	key, err := NewSM2()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseSM2(EncodeSM2(key))
	if err != nil || !again.Equal(key) || PublicSM2(again) != PublicSM2(key) {
		t.Fatalf("what is stored is another key: %v", err)
	}
	for _, text := range []string{"123456", strings.Repeat("x", passwordMax)} {
		ciphertext, err := sm2.Encrypt(rand.Reader, &key.PublicKey, []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecryptSM2(again, hex.EncodeToString(ciphertext)); err != nil || string(got) != text {
			t.Errorf("%d bytes: %q, %v", len(text), got, err)
		}
	}
}

func TestParseSM2Refuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":        "",
		"not hex":        strings.Repeat("z", 64),
		"short":          sm2Private[2:],
		"long":           "00" + sm2Private,
		"zero":           strings.Repeat("0", 64),
		"over the order": strings.Repeat("f", 64),
	} {
		if _, err := ParseSM2(text); err == nil || fault.As(err) != nil {
			t.Errorf("%s: %v, want an internal error", name, err)
		}
	}
}

func TestDecryptSM2Refuses(t *testing.T) {
	key, err := ParseSM2(sm2Private)
	if err != nil {
		t.Fatal(err)
	}
	good := sm2Vectors[0].ciphertext
	refused := map[string]string{
		"nothing":           "",
		"prefix alone":      "sm2:",
		"plain text":        "123456",
		"not hex":           "zz" + good[2:],
		"odd":               good[1:],
		"no text":           good[:2*(sm2Point-1+sm2Digest)],
		"point alone":       good[:2*(sm2Point-1)],
		"not on the curve":  strings.Repeat("0", 128) + good[128:],
		"another key":       sm2Public[2:] + good[128:],
		"compressed":        "02" + good,
		"order C1C2C3":      "0f309e78d9cd7064cad862c92a467cd5dc563e8cc58b0a744d3e054421ff44abf724d8efc33cfe648dd2ba0a908e9667876719f63f390585bc7e6121b84fe5751271abf715381e83622d257dc7fcbbabbb50bc1c4a5cec5318d7ef8d796a8d5eb09f96291142",
		"two prefixes":      "sm2:sm2:" + good,
		"upper-case prefix": "SM2:" + good,
		"very long":         good + strings.Repeat("00", 2*passwordMax),
	}
	for i := 0; i < len(good); i += 7 {
		digit := byte('0')
		if good[i] == digit {
			digit = '1'
		}
		refused["digit "+good[:i]] = good[:i] + string(digit) + good[i+1:]
	}
	for name, text := range refused {
		got, err := DecryptSM2(key, text)
		f := fault.As(err)
		if f == nil || f.Kind != fault.Invalid || f.Code != "password_undecryptable" || f.Cause != nil || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func FuzzDecryptSM2(f *testing.F) {
	key, err := ParseSM2(sm2Private)
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range sm2Vectors {
		f.Add("sm2:" + v.ciphertext)
	}
	f.Add("30")
	f.Add("04")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := DecryptSM2(key, text); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v", err)
		}
	})
}

func TestECKeys(t *testing.T) {
	key, err := NewEC()
	if err != nil {
		t.Fatal(err)
	}
	text := EncodeEC(key)
	again, err := ParseEC(text)
	if err != nil || !again.Equal(key) || PublicEC(again) != PublicEC(key) || strings.Contains(PublicEC(key), "PRIVATE") {
		t.Errorf("%v %v", again, err)
	}
	other, err := NewRSA()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", strings.Replace(text, "MI", "MA", 1), EncodeRSA(other), PublicEC(key)} {
		if _, err := ParseEC(bad); err == nil {
			t.Errorf("%.40q is a key", bad)
		}
	}
}
