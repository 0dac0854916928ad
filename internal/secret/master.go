package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	masterBytes   = 32
	masterTextMax = 1024 // bytes of the key file that are looked at; a longer file is something else

	sealVersion = "v1." // every sealed text begins with it, so that a later format can stand beside this one
)

// Master is the server's root key. Everything secret that the database holds is sealed under it, so a copy of the
// database alone is worthless, and losing the key loses those secrets for good. It is safe for concurrent use, and
// printing it shows nothing of the key.
type Master struct{ key [masterBytes]byte }

// LoadMaster gives the master key: from env, the value of an environment variable, if that is not empty; else from the
// file at path, which is made when it is missing. created tells that it was made just now, and the operator should be
// told to keep a copy. The text is 32 bytes in hex or base64.
//
// The file appears whole or not at all, with mode 0600, and of several processes that start at once one makes it and all
// use it. A file that others than its owner may read or write, an empty one and one of another length are refused with
// an error for the operator that says how to mend it and holds nothing of the key.
func LoadMaster(path, env string) (m *Master, created bool, err error) {
	if env != "" {
		if m, err = parseMaster(env); err != nil {
			return nil, false, fmt.Errorf("the master key in the environment %w", err)
		}
		return m, false, nil
	}
	if path == "" {
		return nil, false, errors.New("no master key: give the path of its file, or the key in the environment")
	}
	m, err = readMaster(path)
	if errors.Is(err, fs.ErrNotExist) {
		if created, err = createMaster(path); err != nil {
			return nil, false, fmt.Errorf("cannot make the master key file %s: %w", path, err)
		}
		m, err = readMaster(path)
	}
	if err != nil {
		return nil, false, err
	}
	return m, created, nil
}

func readMaster(path string) (*Master, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the master key file: %w", err)
	}
	defer f.Close()
	// The open file is asked, not its name: the name could be given to another file in between.
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot look at the master key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the master key file %s is not a regular file", path)
	}
	// Windows reports made-up permission bits; there the folder's access list must guard the file.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("the master key file %s is open to other users (mode %04o): run chmod 600 %s, and if somebody may have read it, replace the key", path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, masterTextMax+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the master key file %s: %w", path, err)
	}
	m, err := parseMaster(string(text))
	if err != nil {
		return nil, fmt.Errorf("the master key file %s %w", path, err)
	}
	return m, nil
}

// parseMaster's errors continue a sentence that begins with where the key came from.
func parseMaster(text string) (*Master, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, errors.New("is empty: restore the key from its backup; only a new installation may start with a new one")
	}
	var raw []byte
	var err error
	if len(text) == hex.EncodedLen(masterBytes) {
		raw, err = hex.DecodeString(text)
	} else {
		unpadded := strings.TrimRight(text, "=")
		if raw, err = base64.RawStdEncoding.DecodeString(unpadded); err != nil {
			raw, err = base64.RawURLEncoding.DecodeString(unpadded)
		}
	}
	if err != nil || len(raw) != masterBytes {
		return nil, fmt.Errorf("must hold exactly %d bytes in hex or base64: restore the key from its backup", masterBytes)
	}
	return &Master{key: [masterBytes]byte(raw)}, nil
}

// createMaster writes a temporary file and links it to its name: unlike a rename, a link never replaces a key that
// another process has made meanwhile. It reports false if there was one.
func createMaster(path string) (created bool, err error) {
	key := make([]byte, masterBytes)
	rand.Read(key)
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".master-key-*") // O_EXCL, mode 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err != nil {
		return false, err
	}
	if err := os.Link(temp.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return false, nil
		}
		return false, err
	}
	// The name must outlive a power cut as the content does: what is sealed meanwhile could not be opened again.
	if runtime.GOOS != "windows" { // which cannot sync a folder
		d, err := os.Open(dir)
		if err != nil {
			return false, err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Derive gives n secret bytes (at most 8160) that depend on the master key and on context alone: HKDF-SHA256, RFC 5869.
// Different contexts give unrelated bytes, and none of them tells anything of another or of sealed values.
func (m *Master) Derive(context string, n int) []byte { return m.subkey("derive 1 "+context, n) }

func (m *Master) subkey(info string, n int) []byte {
	key, err := hkdf.Key(sha256.New, m.key[:], nil, info, n)
	if err != nil {
		panic("secret: " + err.Error()) // n is a constant of the calling code
	}
	return key
}

// Seal encrypts plain for storage: AES-256-GCM with a random nonce, under a key of its own for each context, which is
// authenticated too. context says what and whose the value is, "pool/<id>/signing-key", so that a sealed value moved to
// another row or column does not open. The result is ASCII text.
func (m *Master) Seal(plain []byte, context string) string {
	sealed := m.aead(context).Seal(nil, nil, plain, []byte(context))
	return sealVersion + base64.RawURLEncoding.EncodeToString(sealed)
}

// Open gives back what Seal was given under the same context. Anything else, a value sealed under another context or
// another master key, or changed by one bit, is an error that is internal to the server: no caller can mend it.
func (m *Master) Open(sealed, context string) ([]byte, error) {
	text, ok := strings.CutPrefix(sealed, sealVersion)
	if !ok {
		return nil, fmt.Errorf("secret: the value for %q is not sealed, or by a newer version of this program", context)
	}
	// Strict, so that each sealed value has one text only.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("secret: the sealed value for %q is damaged", context)
	}
	plain, err := m.aead(context).Open(nil, nil, raw, []byte(context))
	if err != nil {
		return nil, fmt.Errorf("secret: cannot open the sealed value for %q: another master key, another place, or damaged", context)
	}
	return plain, nil
}

func (m *Master) aead(context string) cipher.AEAD {
	block, err := aes.NewCipher(m.subkey("seal 1 "+context, 32))
	if err != nil {
		panic("secret: " + err.Error()) // only a wrong key length, which the line above fixes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("secret: " + err.Error()) // only a block size other than AES has
	}
	return aead
}

// String keeps the key out of logs and error texts.
func (m *Master) String() string { return "secret.Master(hidden)" }

// GoString keeps the key out of debugging output.
func (m *Master) GoString() string { return m.String() }
