package secret

import (
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/fault"
)

const importedPassword = "pässword-Ω 123"

// imported are hashes of importedPassword made by other programs: OpenSSL 3 (crypt), Node's crypto (scrypt, PBKDF2)
// and hash-wasm 4 (the rest).
var imported = []struct{ name, given, stored string }{
	{"argon2id", `$argon2id$v=19$m=4096,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$v3XJTaOg6n56Zfgmijw+zMKuPaW6iW3NNzFX6wFoMXc`, ""},
	{"argon2i", `$argon2i$v=19$m=4096,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$PL1prIA6B/tReDK9kvo5aackLhgL/IhpDULibnvUvQc`, ""},
	{"argon2d", `$argon2d$v=19$m=4096,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$lSjjRISfcCwqO23RhrmDTQc5kWco82CoU2GHJ1H/X2c`, ""},
	{"bcrypt 2a", `$2a$05$a07rXVLfZFPxZ0zja0Dqb.h9sVUf8bv4wEPDzRhAzoOwIsRjmS/la`, ""},
	{"bcrypt 2b", `$2b$05$a07rXVLfZFPxZ0zja0Dqb.h9sVUf8bv4wEPDzRhAzoOwIsRjmS/la`, ""},
	{"bcrypt 2y", `$2y$05$a07rXVLfZFPxZ0zja0Dqb.h9sVUf8bv4wEPDzRhAzoOwIsRjmS/la`, ""},
	{"bcrypt-sha256", `$bcrypt-sha256$v=2,t=2b,r=5$a07rXVLfZFPxZ0zja0Dqb.$Gr1seLKOzqNVZ3s2SV.YliuKRkO1QpC`, ""},
	{"scrypt", `$scrypt$ln=10,r=8,p=2$c29tZXNhbHRzb21lc2FsdA$DBDdHzPOXlQ3Z5JvL+1SxTc3vejpn6KYESxWaGzBQqA`, ""},
	{"pbkdf2-sha1", `$pbkdf2$1000$c29tZXNhbHRzb21lc2FsdA$6VwkelQ4qFsBpOWkuIlZMx4YjdA`, ""},
	{"pbkdf2-sha256", `$pbkdf2-sha256$1000$c29tZXNhbHRzb21lc2FsdA$HvxtSfSCq0uVARervLca6Wq1hfZcqGZ4IH6K8zl55v4`, ""},
	{"pbkdf2-sha512", `$pbkdf2-sha512$1000$c29tZXNhbHRzb21lc2FsdA$nP6Q7VVE0zbrE1RNiIEULLjT5OHfr042T2WmzPnh16JNL4Lm75H7bS92poVaVjWLGimsq0IWh09qiB8O7T6AMg`, ""},
	{"pbkdf2 of LDAP", `{PBKDF2-SHA256}1000$c29tZXNhbHRzb21lc2FsdA$HvxtSfSCq0uVARervLca6Wq1hfZcqGZ4IH6K8zl55v4`,
		`$pbkdf2-sha256$1000$c29tZXNhbHRzb21lc2FsdA$HvxtSfSCq0uVARervLca6Wq1hfZcqGZ4IH6K8zl55v4`},
	{"sha256-crypt", `$5$abcdefgh$cqNwXZxAOEB7K.KGZQFms6FHrVjM6hpky.T/XgHcgF5`, ""},
	{"sha256-crypt rounds", `$5$rounds=1234$saltstring$3v1lPYl4cbIriwChnX317mno4X9NL4uW53DgjEBCpL7`, ""},
	{"sha512-crypt", `$6$abcdefgh$qu/OhtScuCfXpXL2b7wOcguxQAMuYQLh/vVaIHmaFsXOvfRxR.BhG7fKHpHD/3hHZcfDD6XONtAvp2bq3Ah/g1`, ""},
	{"sha512-crypt rounds", `$6$rounds=4321$saltsaltsaltsalt$ZoBYpGGjrEyd.N5.UQ0i.Pbnw6ElUwZnmRZhjkvz/crkKExXyGU.5OXqiSHVUW0gMdTN/MMrjykIzvW6s.mZS1`, ""},
	{"md5-crypt", `$1$abcdefgh$gCVO4WzVOII5qvynIAvpp0`, ""},
	{"crypt of LDAP", `{CRYPT}$1$abcdefgh$gCVO4WzVOII5qvynIAvpp0`, `$1$abcdefgh$gCVO4WzVOII5qvynIAvpp0`},
	{"argon2 of LDAP", `{ARGON2}$argon2id$v=19$m=4096,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$v3XJTaOg6n56Zfgmijw+zMKuPaW6iW3NNzFX6wFoMXc`,
		`$argon2id$v=19$m=4096,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$v3XJTaOg6n56Zfgmijw+zMKuPaW6iW3NNzFX6wFoMXc`},
	{"with a line end", "$1$abcdefgh$gCVO4WzVOII5qvynIAvpp0\n", `$1$abcdefgh$gCVO4WzVOII5qvynIAvpp0`},
}

func TestImported(t *testing.T) {
	h := newHasher(t, cheap)
	for _, c := range imported {
		t.Run(c.name, func(t *testing.T) {
			stored, err := Importable(c.given)
			if err != nil {
				t.Fatal(err)
			}
			want := c.stored
			if want == "" {
				want = c.given
			}
			if stored != want {
				t.Errorf("stored as %s, want %s", stored, want)
			}
			if again, err := Importable(stored); err != nil || again != stored {
				t.Errorf("what is stored is not importable again: %s, %v", again, err)
			}
			if ok, err := h.Verify(t.Context(), stored, importedPassword); err != nil || !ok {
				t.Errorf("the right password: %v, %v", ok, err)
			}
			if ok, err := h.Verify(t.Context(), stored, importedPassword+"4"); err != nil || ok {
				t.Errorf("a wrong password: %v, %v", ok, err)
			}
			if !h.Stale(stored) {
				t.Error("not to be renewed")
			}
		})
	}
	own, err := h.Hash(t.Context(), "123456")
	if err != nil {
		t.Fatal(err)
	}
	if stored, err := Importable(own); err != nil || stored != own {
		t.Errorf("an own hash: %s, %v", stored, err)
	}
}

func TestNotImportable(t *testing.T) {
	const salt, key = "c29tZXNhbHRzb21lc2FsdA", "v3XJTaOg6n56Zfgmijw+zMKuPaW6iW3NNzFX6wFoMXc"
	long := strings.Repeat("A", 86) // 64 bytes
	const bcryptEnd = "$a07rXVLfZFPxZ0zja0Dqb.h9sVUf8bv4wEPDzRhAzoOwIsRjmS/la"
	sha512, sha256 := "$"+strings.Repeat("a", 86), "$"+strings.Repeat("a", 43)
	for name, stored := range map[string]string{
		"nothing":                    "",
		"plain text":                 "123456",
		"plain text of the library":  "$plaintext$123456",
		"base64 text of the library": "$base64$MTIzNDU2",
		"plain text of LDAP":         "{CLEARTEXT}123456",
		"bare md5":                   "e10adc3949ba59abbe56e057f20f883e",
		"DES crypt":                  "{CRYPT}abJnggxhB/yWI",
		"yescrypt":                   "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
		"sun md5":                    "$md5,rounds=4294967295$abcdefgh$$gCVO4WzVOII5qvynIAvpp0",
		"sha1-crypt":                 "$sha1$4294967295$abcdefgh$gCVO4WzVOII5qvynIAvpp0aaaaaa",
		"bcrypt with the sign bug":   "$2x$05" + bcryptEnd,

		"argon2 memory":             "$argon2id$v=19$m=131073,t=1,p=1$" + salt + "$" + key,
		"argon2 all memory":         "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key,
		"argon2 memory overflow":    "$argon2id$v=19$m=99999999999999999999,t=1,p=1$" + salt + "$" + key,
		"argon2 time":               "$argon2id$v=19$m=1024,t=1025,p=1$" + salt + "$" + key,
		"argon2 threads":            "$argon2id$v=19$m=1024,t=1,p=17$" + salt + "$" + key,
		"argon2 no time":            "$argon2id$v=19$m=1024,t=0,p=1$" + salt + "$" + key,
		"argon2 default parameters": "$argon2id$v=19$m=0,t=0,p=0$" + salt + "$" + key,
		"argon2 no threads":         "$argon2id$v=19$m=1024,t=1,p=0$" + salt + "$" + key,
		"argon2 too little memory":  "$argon2id$v=19$m=15,t=1,p=2$" + salt + "$" + key,
		"argon2 repeated parameter": "$argon2id$v=19$m=1024,t=1,p=1,m=4294967295$" + salt + "$" + key,
		"argon2 other order":        "$argon2id$v=19$t=1,m=1024,p=1$" + salt + "$" + key,
		"argon2 signed":             "$argon2id$v=19$m=+1024,t=1,p=1$" + salt + "$" + key,
		"argon2 old version":        "$argon2id$v=16$m=1024,t=1,p=1$" + salt + "$" + key,
		"argon2 without version":    "$argon2id$m=1024,t=1,p=1$" + salt + "$" + key,
		"argon2 short key":          "$argon2id$v=19$m=1024,t=1,p=1$" + salt + "$AAAA",
		"argon2 long key":           "$argon2id$v=19$m=1024,t=1,p=1$" + salt + "$" + long + "A",
		"argon2 no salt":            "$argon2id$v=19$m=1024,t=1,p=1$$" + key,
		"argon2 no key":             "$argon2id$v=19$m=1024,t=1,p=1$" + salt + "$",
		"argon2 bad base64":         "$argon2id$v=19$m=1024,t=1,p=1$" + salt + "$" + key[1:] + "!",
		"argon2 more parts":         "$argon2id$v=19$m=1024,t=1,p=1$" + salt + "$" + key + "$",

		"bcrypt cost 15":        "$2b$15" + bcryptEnd,
		"bcrypt cost 31":        "$2b$31" + bcryptEnd,
		"bcrypt cost 3":         "$2b$03" + bcryptEnd,
		"bcrypt cost 0":         "$2b$00" + bcryptEnd,
		"bcrypt one digit":      "$2b$5" + bcryptEnd,
		"bcrypt three digits":   "$2b$005" + bcryptEnd,
		"bcrypt short":          "$2b$05" + bcryptEnd[:50],
		"bcrypt bad base64":     "$2b$05$!" + bcryptEnd[2:],
		"bcrypt-sha256 cost 31": "$bcrypt-sha256$v=2,t=2b,r=31$a07rXVLfZFPxZ0zja0Dqb.$Gr1seLKOzqNVZ3s2SV.YliuKRkO1QpC",
		"bcrypt-sha256 old":     "$bcrypt-sha256$2b,5$a07rXVLfZFPxZ0zja0Dqb.$Gr1seLKOzqNVZ3s2SV.YliuKRkO1QpC",

		"scrypt N":        "$scrypt$ln=18,r=8,p=1$" + salt + "$" + key,
		"scrypt huge N":   "$scrypt$ln=63,r=8,p=1$" + salt + "$" + key,
		"scrypt r":        "$scrypt$ln=10,r=65,p=1$" + salt + "$" + key,
		"scrypt p":        "$scrypt$ln=10,r=8,p=17$" + salt + "$" + key,
		"scrypt work":     "$scrypt$ln=17,r=8,p=2$" + salt + "$" + key,
		"scrypt no N":     "$scrypt$ln=0,r=8,p=1$" + salt + "$" + key,
		"scrypt no r":     "$scrypt$ln=10,r=0,p=1$" + salt + "$" + key,
		"scrypt long key": "$scrypt$ln=10,r=8,p=1$" + salt + "$" + long + "A",

		"pbkdf2 rounds":         "$pbkdf2-sha256$2000001$" + salt + "$" + strings.ReplaceAll(key, "+", "."),
		"pbkdf2 no rounds":      "$pbkdf2-sha256$0$" + salt + "$" + strings.ReplaceAll(key, "+", "."),
		"pbkdf2 signed rounds":  "$pbkdf2-sha256$+10$" + salt + "$" + strings.ReplaceAll(key, "+", "."),
		"pbkdf2 rounds by key":  "$pbkdf2$600000$" + salt + "$" + long,
		"pbkdf2 unknown hash":   "$pbkdf2-md5$1000$" + salt + "$" + long,
		"sha512-crypt rounds":   "$6$rounds=700001$salt" + sha512,
		"sha512-crypt few":      "$6$rounds=999$salt" + sha512,
		"sha512-crypt rounds 0": "$6$rounds=0$salt" + sha512,
		"sha512-crypt option":   "$6$turns=5000$salt" + sha512,
		"sha512-crypt salt":     "$6$saltsaltsaltsalts" + sha512,
		"sha512-crypt key":      "$6$salt" + sha512 + "a",
		"sha512-crypt letters":  "$6$salt" + sha512[:86] + "!",
		"sha256-crypt key":      "$5$salt" + sha256[:43],
		"sha256-crypt rounds":   "$5$rounds=999999999$salt" + sha256,
		"md5-crypt salt":        "$1$abcdefghi$gCVO4WzVOII5qvynIAvpp0",
		"md5-crypt key":         "$1$abcdefgh$gCVO4WzVOII5qvynIAvpp",
		"long":                  "$argon2id$v=19$m=1024,t=1,p=1$" + strings.Repeat("A", hashTextMax) + "$" + key,
	} {
		stored, err := Importable(stored)
		if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Code != "password_hash_unknown" || stored != "" {
			t.Errorf("%s: %q, %v, want password_hash_unknown", name, stored, err)
		}
	}
}

// Two hashes at the bounds that no real maker is beyond must stay importable.
func TestImportableGenerous(t *testing.T) {
	const salt, key = "c29tZXNhbHRzb21lc2FsdA", "v3XJTaOg6n56Zfgmijw+zMKuPaW6iW3NNzFX6wFoMXc"
	for name, stored := range map[string]string{
		"Django argon2":                "$argon2id$v=19$m=102400,t=2,p=8$" + salt + "$" + key,
		"PHP argon2":                   "$argon2id$v=19$m=65536,t=4,p=1$" + salt + "$" + key,
		"bcrypt 14":                    "$2y$14$a07rXVLfZFPxZ0zja0Dqb.h9sVUf8bv4wEPDzRhAzoOwIsRjmS/la",
		"scrypt by OWASP":              "$scrypt$ln=17,r=8,p=1$" + salt + "$" + key,
		"pbkdf2 by OWASP":              "$pbkdf2$1300000$" + salt + "$6VwkelQ4qFsBpOWkuIlZMx4YjdA",
		"sha512-crypt by passlib":      "$6$rounds=656000$salt$" + strings.Repeat("a", 86),
		"sha512-crypt without salt":    "$6$$" + strings.Repeat("a", 86),
		"the longest that is accepted": "$pbkdf2-sha512$2000000$" + salt + "$" + strings.Repeat("A", 86),
	} {
		if _, err := Importable(stored); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzImportable(f *testing.F) {
	for _, c := range imported {
		f.Add(c.given)
	}
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=4294967295$AA$AA")
	f.Add("$2b$31$")
	f.Fuzz(func(t *testing.T, given string) {
		stored, err := Importable(given)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q: %v", given, err)
			}
			return
		}
		if again, err := Importable(stored); err != nil || again != stored {
			t.Errorf("%q is stored as %q and then as %q, %v", given, stored, again, err)
		}
	})
}
