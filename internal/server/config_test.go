package server

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	write := func(text string) string {
		name := filepath.Join(t.TempDir(), "guildhall.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, c := range []struct {
		name  string
		file  string
		env   []string
		flags map[string]string
		wrong string // the key and part of the sentence
		holds func(*Config) bool
	}{
		{name: "defaults", holds: func(c *Config) bool {
			return c.DB == filepath.Join("data", "guildhall.db") && c.MasterKeyFile == filepath.Join("data", "master.key") &&
				c.BaseURL == "http://127.0.0.1:8080" && c.ClockWindow == 5*time.Minute && len(c.TrustedProxies) == 0 && c.Password.Memory == 19456
		}},
		{name: "file", file: "listen: ':9000'\nclock_window: 90s\nmax_body: 2048\ntrusted_proxies:\n  - 10.0.0.0/8\n  - 192.0.2.1\n", holds: func(c *Config) bool {
			return c.Listen == ":9000" && c.BaseURL == "http://localhost:9000" && c.ClockWindow == 90*time.Second && c.MaxBody == 2048 && len(c.TrustedProxies) == 2
		}},
		{name: "environment beats file", file: "listen: ':9000'\n", env: []string{"GUILDHALL_LISTEN=:9001", "OTHER=1"}, holds: func(c *Config) bool { return c.Listen == ":9001" }},
		{name: "flag beats environment", env: []string{"GUILDHALL_LISTEN=:9001"}, flags: map[string]string{"listen": ":9002"}, holds: func(c *Config) bool { return c.Listen == ":9002" }},
		{name: "base_url loses its slash", flags: map[string]string{"base_url": "https://id.example.org/"}, holds: func(c *Config) bool { return c.BaseURL == "https://id.example.org" }},
		{name: "several hosts", flags: map[string]string{"db": "postgres://a,b,c/guildhall"}, holds: func(c *Config) bool { return c.DB == "postgres://a,b,c/guildhall" }},
		{name: "stray variable", env: []string{"GUILDHALL_LISTN=:1"}, holds: func(c *Config) bool { return len(c.Ignored) == 1 }},
		{name: "unknown key", file: "lisen: ':1'\n", wrong: "lisen: there is no such setting"},
		{name: "no YAML", file: "listen: [\n", wrong: "config: the file"},
		{name: "no file", file: "-", wrong: "config: the file"},
		{name: "address", flags: map[string]string{"listen": "here"}, wrong: "listen:"},
		{name: "port", flags: map[string]string{"listen": ":http7"}, wrong: "listen:"},
		{name: "database", flags: map[string]string{"db": "mysql://x"}, wrong: "db: it takes a path or a postgres:// address"},
		{name: "base_url", flags: map[string]string{"base_url": "id.example.org"}, wrong: "base_url:"},
		{name: "base_url with query", flags: map[string]string{"base_url": "https://id.example.org?x=1"}, wrong: "base_url:"},
		{name: "passkeys of the domain", flags: map[string]string{"base_url": "https://id.example.org", "passkey_host": "example.org"}, holds: func(c *Config) bool { return c.PasskeyHost == "example.org" }},
		{name: "passkeys of another domain", flags: map[string]string{"base_url": "https://id.example.org", "passkey_host": "ample.org"}, wrong: "passkey_host:"},
		{name: "duration", env: []string{"GUILDHALL_CLOCK_WINDOW=5"}, wrong: "clock_window:"},
		{name: "number", env: []string{"GUILDHALL_MAX_BODY=lots"}, wrong: "max_body:"},
		{name: "word", env: []string{"GUILDHALL_LOG_LEVEL=loud"}, wrong: "log_level:"},
		{name: "proxy", env: []string{"GUILDHALL_TRUSTED_PROXIES=10.0.0.0/8,proxy"}, wrong: "trusted_proxies:"},
		{name: "mail without a sender", flags: map[string]string{"smtp_host": "smtp.example.org"}, wrong: "smtp_from:"},
		{name: "mail in a manner that there is not", flags: map[string]string{"smtp_tls": "ssl"}, wrong: "smtp_tls:"},
		{name: "a hook in the clear", flags: map[string]string{"sms_hook_url": "http://sms.example.org/", "sms_hook_secret": "0123456789abcdef"}, wrong: "sms_hook_url:"},
		{name: "a hook with a short secret", flags: map[string]string{"sms_hook_url": "https://sms.example.org/", "sms_hook_secret": "short"}, wrong: "sms_hook_secret:"},
		{name: "mail and a hook", flags: map[string]string{"smtp_host": "smtp.example.org", "smtp_from": "id@example.org", "sms_hook_url": "https://sms.example.org/", "sms_hook_secret": "0123456789abcdef"},
			holds: func(c *Config) bool {
				return c.SMTP.Port == 587 && c.SMTP.TLS == "starttls" && c.Hook.URL == "https://sms.example.org/" && !c.Dev
			}},
		{name: "map where a value belongs", file: "listen:\n  host: x\n", wrong: "listen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := ""
			if c.file == "-" {
				file = filepath.Join(t.TempDir(), "missing.yaml")
			} else if c.file != "" {
				file = write(c.file)
			}
			got, err := Load(file, c.env, c.flags)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("error %v, want one that says %q", err, c.wrong)
				}
				if _, ok := err.(*ConfigError); !ok {
					t.Fatalf("%T is no ConfigError", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !c.holds(got) {
				t.Fatalf("%+v", got)
			}
		})
	}
}

// The documentation has one table of all settings, and it is this one.
func TestSettingsAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| setting | default | what |\n|---|---|---|\n")
	for _, s := range Settings {
		value := ""
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", s.Key, value, s.Doc)
	}
	got := regexp.MustCompile(`(?s)<!-- settings -->\n(.*?)<!-- /settings -->`).FindSubmatch(b)
	if got == nil || string(got[1]) != want.String() {
		t.Errorf("the table in docs/operating.md should be:\n%s", want.String())
	}
}
