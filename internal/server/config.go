package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/secret"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Config is all that a server is told from outside. Settings has one row for each key.
type Config struct {
	Data            string
	Listen          string
	DB              string
	BaseURL         string
	MasterKey       string
	MasterKeyFile   string
	LogFormat       string
	LogLevel        string
	TrustedProxies  []netip.Prefix
	ClockWindow     time.Duration
	MaxBody         int64
	MaxHeader       int64
	ReadTimeout     time.Duration
	WriteTimeout    time.Duration
	IdleTimeout     time.Duration
	RequestDeadline time.Duration
	StopTimeout     time.Duration
	DBConnections   int64
	MetricsListen   string
	Parallel        [3]int // by op.Class
	QueueTime       time.Duration
	Password        secret.Cost
	// CrossSiteCookies lets pages of other sites renew their sign-in from a frame.
	CrossSiteCookies bool
	// PasskeyHost is the host that passkeys are made for; "" is that of BaseURL.
	PasskeyHost string
	// PrivateTargets lets what applications configure, logout addresses, name private addresses.
	PrivateTargets bool

	// Dev is the developer's mode: see the setting.
	Dev  bool
	SMTP notify.SMTP
	Hook notify.Hook
	// Passcodes bounds how many codes are sent.
	Passcodes signin.PasscodeBounds

	// Ignored are variables of the environment that begin like settings and are none.
	Ignored []string
}

// Setting is one key of the configuration, as the file, the environment (GUILDHALL_ and the key in capitals) and, where it
// has one, the flag name it.
type Setting struct {
	Key     string
	Default string
	Doc     string
	set     func(c *Config, value string) error
}

// Settings are all keys, in the order of the documentation.
var Settings = []Setting{
	{"data", "data", "Folder of the database, the master key and whatever else is kept. Made with mode 0700 when missing.", text(func(c *Config) *string { return &c.Data })},
	{"listen", "127.0.0.1:8080", "Address to listen on. An empty host listens on every interface.", address(func(c *Config) *string { return &c.Listen })},
	{"db", "", "Path of a SQLite file, or a postgres:// address (several hosts, too). Empty: `guildhall.db` in the data folder.", dsn},
	{"base_url", "", "Where clients reach the server, for every link and as the issuer of tokens. Empty: `http://` and the listen address.", baseURL},
	{"master_key", "", "The key that seals all secrets in the database: 32 bytes as hex or base64. Better in the environment than in the file. Empty: the master key file.", text(func(c *Config) *string { return &c.MasterKey })},
	{"master_key_file", "", "File of the master key, mode 0600, made at the first start. Empty: `master.key` in the data folder.", text(func(c *Config) *string { return &c.MasterKeyFile })},
	{"log_format", "auto", "`text`, `json`, or `auto`: text on a terminal, JSON otherwise.", oneOf(func(c *Config) *string { return &c.LogFormat }, "auto", "text", "json")},
	{"log_level", "info", "`debug` (with a line for each request), `info`, `warn` or `error`.", oneOf(func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warn", "error")},
	{"trusted_proxies", "", "Addresses or networks, separated by commas, whose `X-Forwarded-For` is believed. Empty: none.", proxies},
	{"private_targets", "false", "`true` lets back-channel logout go to private and loopback addresses; `false` keeps applications' settings from reaching into the server's own network.", truth(func(c *Config) *bool { return &c.PrivateTargets })},
	{"cross_site_cookies", "false", "`true` sets session cookies with SameSite=None, so that applications of other sites can renew their sign-in in a hidden frame; it needs an https base URL. `false` is the safer: SameSite=Lax.", truth(func(c *Config) *bool { return &c.CrossSiteCookies })},
	{"passkey_host", "", "Host that passkeys are made for: that of `base_url` or a domain above it, so that pages of applications on other hosts of the domain can use them. Another one makes passkeys that exist useless. Empty: the host of `base_url`.", text(func(c *Config) *string { return &c.PasskeyHost })},
	{"clock_window", "5m", "How far the date of a signed request may be from the server's clock.", duration(func(c *Config) *time.Duration { return &c.ClockWindow }, time.Second, time.Hour)},
	{"max_body", "4194304", "Most bytes of a request's body.", number(func(c *Config) *int64 { return &c.MaxBody }, 1024, 1<<30)},
	{"max_header", "32768", "Most bytes of a request's headers.", number(func(c *Config) *int64 { return &c.MaxHeader }, 1024, 1<<20)},
	{"read_timeout", "15s", "Time to receive a request.", duration(func(c *Config) *time.Duration { return &c.ReadTimeout }, time.Second, time.Hour)},
	{"write_timeout", "60s", "Time to answer a request.", duration(func(c *Config) *time.Duration { return &c.WriteTimeout }, time.Second, time.Hour)},
	{"idle_timeout", "2m", "Time that an idle connection is kept.", duration(func(c *Config) *time.Duration { return &c.IdleTimeout }, time.Second, time.Hour)},
	{"request_deadline", "10s", "Time that a request's work, its queries included, may take.", duration(func(c *Config) *time.Duration { return &c.RequestDeadline }, 100*time.Millisecond, 10*time.Minute)},
	{"stop_timeout", "15s", "Time that running requests are given when the server stops.", duration(func(c *Config) *time.Duration { return &c.StopTimeout }, 0, 10*time.Minute)},
	{"db_connections", "0", "SQLite: connections that read at once. PostgreSQL: connections. 0 chooses by the number of processors.", number(func(c *Config) *int64 { return &c.DBConnections }, 0, 1000)},
	{"metrics_listen", "", "Address for `/metrics` alone. Empty: `/metrics` stands beside everything else.", optionalAddress(func(c *Config) *string { return &c.MetricsListen })},
	{"points_parallel", "0", "Reads of one thing answered at once; sixteen for each may wait, more are answered 429. 0: sixty-four for each processor.", smallNumber(func(c *Config, n int) { c.Parallel[op.Point] = n }, 0, 100000)},
	{"lists_parallel", "0", "Lists and searches answered at once; sixteen for each may wait, more are answered 429. 0: eight for each processor.", smallNumber(func(c *Config, n int) { c.Parallel[op.List] = n }, 0, 100000)},
	{"writes_parallel", "0", "Writes made at once; sixteen for each may wait, more are answered 429. 0: thirty-two for each processor.", smallNumber(func(c *Config, n int) { c.Parallel[op.Write] = n }, 0, 100000)},
	{"queue_time", "2s", "Longest wait of a request, or of a password hash, for its turn; after it the answer is 429.", duration(func(c *Config) *time.Duration { return &c.QueueTime }, 10*time.Millisecond, time.Minute)},
	{"argon2_memory", "19456", "argon2id: KiB of memory a password hash takes.", smallNumber(func(c *Config, n int) { c.Password.Memory = uint32(n) }, 8, 131072)},
	{"argon2_time", "2", "argon2id: passes over the memory.", smallNumber(func(c *Config, n int) { c.Password.Time = uint32(n) }, 1, 64)},
	{"argon2_threads", "1", "argon2id: lanes.", smallNumber(func(c *Config, n int) { c.Password.Threads = uint8(n) }, 1, 64)},
	{"password_parallel", "0", "Password hashes made at once. 0: as many as there are processors.", smallNumber(func(c *Config, n int) { c.Password.Workers = n }, 0, 1024)},
	{"dev", "false", "`true`, or the flag `--dev`: for developers on their own machine. Mails and texts for which nothing is configured are caught, shown at `/dev/inbox` and written to the log, and pages of this machine may call the server.", truth(func(c *Config) *bool { return &c.Dev })},
	{"smtp_host", "", "Mail server for pools that have none of their own. Empty: none.", text(func(c *Config) *string { return &c.SMTP.Host })},
	{"smtp_port", "587", "Its port.", smallNumber(func(c *Config, n int) { c.SMTP.Port = n }, 1, 65535)},
	{"smtp_tls", "starttls", "`starttls` demands it (port 587), `implicit` is TLS from the first byte (port 465), `offered` takes STARTTLS if there is any, `none` is for a relay on the same machine.", oneOf(func(c *Config) *string { return &c.SMTP.TLS }, notify.TLSStart, notify.TLSImplicit, notify.TLSOffered, notify.TLSNone)},
	{"smtp_username", "", "User's name at the mail server. Empty: no authentication.", text(func(c *Config) *string { return &c.SMTP.Username })},
	{"smtp_password", "", "Password at the mail server. Better in the environment than in the file.", text(func(c *Config) *string { return &c.SMTP.Password })},
	{"smtp_from", "", "Address that mails come from.", text(func(c *Config) *string { return &c.SMTP.From })},
	{"sms_hook_url", "", "Address that takes the texts of pools without a provider of their own; https, or on this machine. Empty: none.", text(func(c *Config) *string { return &c.Hook.URL })},
	{"sms_hook_secret", "", "What requests to it are signed with, 16 characters or more. Better in the environment than in the file.", text(func(c *Config) *string { return &c.Hook.Secret })},
	{"codes_per_address", "30", "One-time codes that one mail address or phone number is sent in a day.", smallNumber(func(c *Config, n int) { c.Passcodes.PerAddress = n }, 1, 100000)},
	{"codes_per_ip", "300", "One-time codes that one address of the network may ask for in an hour.", smallNumber(func(c *Config, n int) { c.Passcodes.PerIP = n }, 1, 10000000)},
	{"password_queue", "0", "Password hashes that may wait; more are answered 429. 0: eight for each made at once.", smallNumber(func(c *Config, n int) { c.Password.Queue = n }, 0, 100000)},
}

// ConfigError is a wrong setting: a sentence that names the key.
type ConfigError struct{ Key, Problem string }

func (e *ConfigError) Error() string { return "setting " + e.Key + ": " + e.Problem }

// Load reads the configuration: the defaults, then the file (none when path is empty), then environment, then flags by key.
// What is wrong is a *ConfigError.
func Load(path string, environ []string, flags map[string]string) (*Config, error) {
	k := koanf.New("\x00") // keys are flat
	defaults := make(map[string]any, len(Settings))
	known := make(map[string]bool, len(Settings))
	for _, s := range Settings {
		defaults[s.Key], known[s.Key] = s.Default, true
	}
	if err := k.Load(confmap.Provider(defaults, ""), nil); err != nil {
		return nil, err
	}
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return nil, &ConfigError{"config", fmt.Sprintf("the file %s cannot be read as YAML: %v", path, err)}
		}
		for _, key := range k.Keys() {
			if !known[key] {
				return nil, &ConfigError{key, "there is no such setting"}
			}
		}
	}
	c := &Config{}
	err := k.Load(env.Provider("\x00", env.Opt{
		Prefix: "GUILDHALL_",
		TransformFunc: func(name, value string) (string, any) {
			key := strings.ToLower(strings.TrimPrefix(name, "GUILDHALL_"))
			if !known[key] {
				c.Ignored = append(c.Ignored, name)
				return "", nil
			}
			return key, value
		},
		EnvironFunc: func() []string { return environ },
	}), nil)
	if err != nil {
		return nil, err
	}
	given := make(map[string]any, len(flags))
	for key, v := range flags {
		given[key] = v
	}
	if err := k.Load(confmap.Provider(given, ""), nil); err != nil {
		return nil, err
	}
	for _, s := range Settings {
		var value string
		switch v := k.Get(s.Key).(type) {
		case nil:
		case []any:
			parts := make([]string, len(v))
			for i := range v {
				parts[i] = fmt.Sprint(v[i])
			}
			value = strings.Join(parts, ",")
		case map[string]any:
			return nil, &ConfigError{s.Key, "it takes one value"}
		default:
			value = fmt.Sprint(v)
		}
		if err := s.set(c, strings.TrimSpace(value)); err != nil {
			return nil, &ConfigError{s.Key, err.Error()}
		}
	}
	return c, c.complete()
}

// complete fills in what follows from other settings.
func (c *Config) complete() error {
	c.Password.Patience = c.QueueTime
	if c.SMTP.Host != "" && c.SMTP.From == "" {
		return &ConfigError{"smtp_from", "it is missing: mails need an address that they come from"}
	}
	if c.Hook.URL != "" {
		if err := notify.CheckEndpoint(c.Hook.URL); err != nil {
			return &ConfigError{"sms_hook_url", err.Error()}
		}
		if len(c.Hook.Secret) < 16 {
			return &ConfigError{"sms_hook_secret", "it needs 16 characters or more"}
		}
	}
	if c.DB == "" {
		c.DB = filepath.Join(c.Data, "guildhall.db")
	}
	if c.MasterKeyFile == "" {
		c.MasterKeyFile = filepath.Join(c.Data, "master.key")
	}
	if c.BaseURL == "" {
		host, port, err := net.SplitHostPort(c.Listen)
		if err != nil {
			return &ConfigError{"listen", err.Error()}
		}
		if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
			host = "localhost"
		}
		c.BaseURL = "http://" + net.JoinHostPort(host, port)
	}
	if u, err := url.Parse(c.BaseURL); c.PasskeyHost != "" && (err != nil || !strings.HasSuffix("."+strings.ToLower(u.Hostname()), "."+c.PasskeyHost)) {
		return &ConfigError{"passkey_host", "it is neither the host of base_url nor a domain above it, in lower case"}
	}
	return nil
}

// MakeData makes the data folder, for its owner alone.
func (c *Config) MakeData() error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return &ConfigError{"data", "the folder cannot be made: " + err.Error()}
	}
	if !db.IsPostgres(c.DB) {
		if err := os.MkdirAll(filepath.Dir(c.DB), 0o700); err != nil {
			return &ConfigError{"db", "the folder cannot be made: " + err.Error()}
		}
	}
	return nil
}

func text(at func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*at(c) = v
		return nil
	}
}

func oneOf(at func(*Config) *string, words ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		for _, w := range words {
			if v == w {
				*at(c) = v
				return nil
			}
		}
		return fmt.Errorf("%q is none of %s", v, strings.Join(words, ", "))
	}
}

func address(at func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		_, port, err := net.SplitHostPort(v)
		if err != nil {
			return fmt.Errorf("%q is no address like 127.0.0.1:8080", v)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return fmt.Errorf("%q is no port", port)
		}
		*at(c) = v
		return nil
	}
}

func optionalAddress(at func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if v == "" {
			return nil
		}
		return address(at)(c, v)
	}
}

func number(at func(*Config) *int64, least, most int64) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is no number from %d to %d", v, least, most)
		}
		*at(c) = n
		return nil
	}
}

func smallNumber(put func(*Config, int), least, most int64) func(*Config, string) error {
	return func(c *Config, v string) error {
		var n int64
		if err := number(func(*Config) *int64 { return &n }, least, most)(c, v); err != nil {
			return err
		}
		put(c, int(n))
		return nil
	}
}

func duration(at func(*Config) *time.Duration, least, most time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < least || d > most {
			return fmt.Errorf("%q is no time from %s to %s, like 90s or 5m", v, least, most)
		}
		*at(c) = d
		return nil
	}
}

func dsn(c *Config, v string) error {
	if strings.Contains(v, "://") && !db.IsPostgres(v) {
		return errors.New("it takes a path or a postgres:// address")
	}
	c.DB = v
	return nil
}

func baseURL(c *Config, v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%q is no address like https://id.example.org", v)
	}
	c.BaseURL = strings.TrimRight(v, "/")
	return nil
}

func proxies(c *Config, v string) error {
	for _, s := range strings.Split(v, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return fmt.Errorf("%q is neither an address nor a network", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		c.TrustedProxies = append(c.TrustedProxies, p.Masked())
	}
	return nil
}

// truth sets a switch.
func truth(at func(c *Config) *bool) func(c *Config, value string) error {
	return func(c *Config, value string) error {
		v, err := strconv.ParseBool(value)
		if err != nil {
			return errors.New("it is true or false")
		}
		*at(c) = v
		return nil
	}
}
