package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const (
	hexKey    = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	base64Key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

func TestLoadMasterText(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permission bits mean nothing there")
	}
	for name, c := range map[string]struct {
		file string
		mode os.FileMode
		env  string
		want string // part of the error; empty: the key above
	}{
		"hex file":            {file: hexKey, mode: 0o600},
		"base64 file":         {file: base64Key + "\n", mode: 0o600},
		"read-only file":      {file: base64Key, mode: 0o400},
		"raw base64":          {file: strings.TrimRight(base64Key, "="), mode: 0o600},
		"env alone":           {env: hexKey},
		"env before the file": {file: "rubbish", mode: 0o644, env: " " + base64Key + "\n"},
		"group may read":      {file: hexKey, mode: 0o640, want: "run chmod 600"},
		"others may read":     {file: hexKey, mode: 0o604, want: "run chmod 600"},
		"others may write":    {file: hexKey, mode: 0o602, want: "run chmod 600"},
		"empty file":          {file: "", mode: 0o600, want: "is empty: restore"},
		"blank file":          {file: " \n", mode: 0o600, want: "is empty: restore"},
		"short":               {file: hexKey[2:], mode: 0o600, want: "exactly 32 bytes"},
		"long":                {file: hexKey + "00", mode: 0o600, want: "exactly 32 bytes"},
		"huge":                {file: strings.Repeat(hexKey, 1000), mode: 0o600, want: "exactly 32 bytes"},
		"not hex":             {file: "zz" + hexKey[2:], mode: 0o600, want: "exactly 32 bytes"},
		"two keys":            {file: hexKey + "\n" + hexKey, mode: 0o600, want: "exactly 32 bytes"},
		"short env":           {env: "0001", want: "in the environment must hold exactly 32 bytes"},
		"blank env":           {env: " ", want: "in the environment is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "master.key")
			if c.mode != 0 {
				if err := os.WriteFile(path, []byte(c.file), c.mode); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(path, c.mode); err != nil { // whatever the umask
					t.Fatal(err)
				}
			}
			m, created, err := LoadMaster(path, c.env)
			if created {
				t.Error("says that it made a key")
			}
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want one with %q", err, c.want)
				}
				if strings.Contains(err.Error(), hexKey[:16]) {
					t.Fatalf("the error shows the key: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprintf("%x", m.key[:]) != hexKey {
				t.Errorf("another key: %x", m.key[:])
			}
		})
	}
	if _, _, err := LoadMaster("", ""); err == nil {
		t.Error("no path and no environment: want an error")
	}
	if _, _, err := LoadMaster(t.TempDir(), ""); err == nil {
		t.Error("a folder for a file: want an error")
	}
	if _, _, err := LoadMaster(filepath.Join(t.TempDir(), "missing", "master.key"), ""); err == nil {
		t.Error("a missing folder: want an error")
	}
}

func TestLoadMasterCreates(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	const starters = 8
	masters, made := make([]*Master, starters), make([]bool, starters)
	var group sync.WaitGroup
	for i := range starters {
		group.Go(func() {
			var err error
			if masters[i], made[i], err = LoadMaster(path, ""); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	makers := 0
	for i := range starters {
		if made[i] {
			makers++
		}
		if masters[i].key != masters[0].key {
			t.Error("processes that start together hold different keys")
		}
	}
	if makers != 1 {
		t.Errorf("%d made the key, want 1", makers)
	}
	if masters[0].key == [masterBytes]byte{} {
		t.Error("the key is all zero")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %04o, want 0600", mode)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSeal(t *testing.T) {
	m := &Master{key: [masterBytes]byte{1}}
	other := &Master{key: [masterBytes]byte{2}}
	for _, plain := range []string{"", "x", "a signing key", strings.Repeat("long ", 10000)} {
		sealed := m.Seal([]byte(plain), "pool/1/signing-key")
		got, err := m.Open(sealed, "pool/1/signing-key")
		if err != nil || string(got) != plain {
			t.Fatalf("open: %.20q, %v", got, err)
		}
		if len(plain) > 1 && strings.Contains(sealed, plain) {
			t.Error("the sealed text shows the plain one")
		}
		if sealed == m.Seal([]byte(plain), "pool/1/signing-key") {
			t.Error("two seals are equal: the nonce is not random")
		}
		if _, err := m.Open(sealed, "pool/2/signing-key"); err == nil {
			t.Error("opens under another context")
		}
		if _, err := other.Open(sealed, "pool/1/signing-key"); err == nil {
			t.Error("opens under another master key")
		}
	}
	const secretText = "quite secret"
	sealed := m.Seal([]byte(secretText), "c")
	for i := range sealed {
		changed := []byte(sealed)
		changed[i] = 'A'
		if changed[i] == sealed[i] {
			changed[i] = 'B'
		}
		if _, err := m.Open(string(changed), "c"); err == nil {
			t.Errorf("opens with character %d changed", i)
		} else if strings.Contains(err.Error(), secretText) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	for _, bad := range []string{"", "v1.", "v2." + sealed[3:], sealed[:len(sealed)-1], sealed + "A", "v1.!!!", secretText} {
		if _, err := m.Open(bad, "c"); err == nil {
			t.Errorf("opens %q", bad)
		}
	}
}

// What is sealed and derived must be the same in every later version, or no installation could be updated.
func TestMasterStable(t *testing.T) {
	m, _, err := LoadMaster("", hexKey)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := m.Open("v1.B7l8RQ7DzCN-F1Ggq3L7u9yOLnuDqYxb48A4uxvcV6A", "stable")
	if err != nil || string(plain) != "kept" {
		t.Errorf("open: %q, %v", plain, err)
	}
	if got := fmt.Sprintf("%x", m.Derive("stable", 16)); got != "5bb39e9bf7f793143666bb9d2cd25baf" {
		t.Errorf("derived %s", got)
	}
}

func TestDerive(t *testing.T) {
	m := &Master{key: [masterBytes]byte{1}}
	a := m.Derive("a", 32)
	if len(a) != 32 || !bytes.Equal(a, m.Derive("a", 32)) {
		t.Error("not the same again")
	}
	if bytes.Equal(a, m.Derive("b", 32)) {
		t.Error("two contexts give the same bytes")
	}
	if bytes.Equal(a, (&Master{key: [masterBytes]byte{2}}).Derive("a", 32)) {
		t.Error("two master keys give the same bytes")
	}
	if n := len(m.Derive("a", 1000)); n != 1000 {
		t.Errorf("%d bytes, want 1000", n)
	}
}

func TestMasterHidden(t *testing.T) {
	m := &Master{key: [masterBytes]byte([]byte("0123456789abcdef0123456789abcdef"))}
	//lint:ignore SA9005 that nothing is shown is what is tested
	asJSON, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore S1025 each verb is a way to show it
	for _, shown := range []string{fmt.Sprint(m), fmt.Sprintf("%+v", m), fmt.Sprintf("%#v", m), fmt.Sprintf("%s", m), fmt.Sprintf("%x", m), string(asJSON)} {
		if strings.Contains(shown, "01234567") || strings.Contains(shown, "0x30") || strings.Contains(shown, "48 49") || strings.Contains(shown, "30313233") {
			t.Errorf("shows the key: %s", shown)
		}
	}
}
