package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/secret"
)

// Hook is an address of the operator's own that takes texts; docs/operating.md describes what it is sent.
type Hook struct {
	URL    string
	Secret string // what requests are signed with
}

// Check connects to the hook's server without asking it anything.
func (h Hook) Check(ctx context.Context) error {
	u, err := url.Parse(h.URL)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		if port = "443"; u.Scheme == "http" {
			port = "80"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	address := net.JoinHostPort(u.Hostname(), port)
	var c net.Conn
	if u.Scheme == "https" {
		c, err = new(tls.Dialer).DialContext(ctx, "tcp", address)
	} else {
		c, err = new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return err
	}
	return c.Close()
}

// The headers of a hook's request.
const (
	HeaderID        = "X-Guildhall-Id"
	HeaderTimestamp = "X-Guildhall-Timestamp"
	HeaderSignature = "X-Guildhall-Signature"
)

// Sign is the signature of a hook's request: "v1=" and the hex HMAC-SHA256 of "<timestamp>.<body>" under the secret, the
// timestamp in unix seconds.
func Sign(key, timestamp string, body []byte) string {
	return "v1=" + hex.EncodeToString(mac([]byte(key), timestamp+"."+string(body)))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	io.WriteString(h, text)
	return h.Sum(nil)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func newClient() *http.Client {
	return &http.Client{Timeout: attemptTime,
		// A signed request is for the address that was configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// CheckEndpoint refuses addresses that requests with secrets must not go to: what is neither https nor this machine.
func CheckEndpoint(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%q is no address like https://sms.example.org/send", address)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%q is neither https nor on this machine", address)
}

// post sends a request and returns the answer's body, at most 64 KiB of it. A 4xx other than 408 and 429 is permanent.
func (n *Notify) post(ctx context.Context, address string, header http.Header, body []byte) ([]byte, error) {
	if err := CheckEndpoint(address); err != nil {
		return nil, permanent{err}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, permanent{err}
	}
	for name, values := range header {
		r.Header[name] = values
	}
	answer, err := n.HTTP.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the address may hold what is nobody's business
		}
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	switch status := answer.StatusCode; {
	case status/100 == 2:
		return text, nil
	case status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests, status/100 == 3:
		return text, permanent{fmt.Errorf("the answer was %d", status)}
	default:
		return text, fmt.Errorf("the answer was %d", status)
	}
}

// hookBody is what a hook is sent.
type hookBody struct {
	ID          string `json:"id"` // the same at each attempt
	UserPoolID  string `json:"userPoolId"`
	Kind        Kind   `json:"kind"`
	Phone       string `json:"phone"` // +<country><number>
	Language    string `json:"language"`
	Text        string `json:"text"`
	Code        string `json:"code,omitzero"`
	Minutes     int64  `json:"minutes,omitzero"`
	Application string `json:"application,omitzero"`
}

type hookCarrier struct {
	n *Notify
	Hook
}

func (c hookCarrier) send(ctx context.Context, o *outgoing) error {
	body, err := json.Marshal(hookBody{o.ID, o.PoolID, o.Kind, o.To, o.Language, o.PlainText, o.Params.Code, o.Params.Minutes, o.Params.App})
	if err != nil {
		return permanent{err}
	}
	timestamp := strconv.FormatInt(c.n.DB.Now()/1000, 10)
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set(HeaderID, o.ID)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, Sign(c.Secret, timestamp, body))
	_, err = c.n.post(ctx, c.URL, h, body)
	return err
}

// smsConfig is the configuration of a pool's own provider of texts: JSON, the names as the vendors' consoles have them.
type smsConfig struct {
	Endpoint string `json:"endpoint"` // other than the vendor's own

	// Aliyun.
	AccessKeyID     string `json:"accessKeyId"`
	AccessKeySecret string `json:"accessKeySecret"`
	TemplateCode    string `json:"templateCode"`

	// Tencent Cloud.
	SecretID   string `json:"secretId"`
	SecretKey  string `json:"secretKey"`
	SDKAppID   string `json:"sdkAppId"`
	TemplateID string `json:"templateId"`
	Region     string `json:"region"`
	// Parameters are what the template's places are filled with, in order: code, minutes, application. None: the code.
	Parameters []string `json:"parameters"`

	SignName string `json:"signName"`

	// A hook of the pool's own.
	URL    string `json:"url"`
	Secret string `json:"secret"`
}

func (n *Notify) smsCarrier(ctx context.Context, poolID string) (carrier, error) {
	if n.SMSSettings != nil {
		provider, config, err := n.SMSSettings(ctx, poolID)
		if err != nil {
			return nil, err
		}
		if provider != "" {
			var c smsConfig
			if err := json.Unmarshal([]byte(config), &c); err != nil {
				return nil, ErrNoSMS.Because(err)
			}
			switch strings.ToLower(provider) {
			case "ali", "aliyun":
				return aliyunCarrier{n, c}, nil
			case "tencent", "qcloud", "tencentcloud":
				return tencentCarrier{n, c}, nil
			case "hook", "custom":
				return hookCarrier{n, Hook{c.URL, c.Secret}}, nil
			}
			return nil, ErrNoSMS.Because(fmt.Errorf("nobody knows the provider %q", provider))
		}
	}
	switch {
	case n.Hook.URL != "":
		return hookCarrier{n, n.Hook}, nil
	case n.Inbox != nil:
		return n.Inbox, nil
	}
	return nil, ErrNoSMS
}

// aliyunCarrier sends through Aliyun's SendSms (API version 2017-05-25), requests signed with ACS3-HMAC-SHA256.
type aliyunCarrier struct {
	n *Notify
	smsConfig
}

func (c aliyunCarrier) send(ctx context.Context, o *outgoing) error {
	endpoint := c.Endpoint
	if endpoint == "" {
		endpoint = "https://dysmsapi.aliyuncs.com"
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return permanent{err}
	}
	params, err := json.Marshal(map[string]string{"code": o.Params.Code})
	if err != nil {
		return permanent{err}
	}
	// Numbers of China go without their country, others with it and without the plus.
	number := strings.TrimPrefix(strings.TrimPrefix(o.To, "+86"), "+")
	query := canonicalQuery(map[string]string{"PhoneNumbers": number, "SignName": c.SignName, "TemplateCode": c.TemplateCode,
		"TemplateParam": string(params), "OutId": o.ID})
	signed := map[string]string{"host": u.Host, "x-acs-action": "SendSms", "x-acs-version": "2017-05-25", "x-acs-content-sha256": digest(nil),
		"x-acs-date": time.UnixMilli(c.n.DB.Now()).UTC().Format("2006-01-02T15:04:05Z"), "x-acs-signature-nonce": secret.Random(16)}
	h := http.Header{}
	for name, value := range signed {
		if name != "host" {
			h.Set(name, value)
		}
	}
	h.Set("Authorization", aliyunAuthorization(c.AccessKeyID, c.AccessKeySecret, "/", query, signed))
	text, err := c.n.post(ctx, u.Scheme+"://"+u.Host+"/?"+query, h, nil)
	var answer struct{ Code, Message string }
	_ = json.Unmarshal(text, &answer) // what is no JSON has no code
	switch {
	case answer.Code == "OK" && err == nil:
		return nil
	case answer.Code == "":
		return orElse(err, errors.New("the vendor's answer cannot be read"))
	case strings.Contains(answer.Code, "LIMIT_CONTROL"), strings.HasPrefix(answer.Code, "Throttling"), strings.HasPrefix(answer.Code, "ServiceUnavailable"):
		return fmt.Errorf("the vendor says %s", answer.Code)
	}
	return permanent{fmt.Errorf("the vendor says %s", answer.Code)}
}

// aliyunAuthorization is the header of a request without body that is signed by ACS3-HMAC-SHA256.
func aliyunAuthorization(id, key, path, query string, signed map[string]string) string {
	names := make([]string, 0, len(signed))
	for name := range signed {
		names = append(names, name)
	}
	sort.Strings(names)
	var headers strings.Builder
	for _, name := range names {
		headers.WriteString(name + ":" + strings.TrimSpace(signed[name]) + "\n")
	}
	list := strings.Join(names, ";")
	canonical := strings.Join([]string{"POST", path, query, headers.String(), list, digest(nil)}, "\n")
	signature := hex.EncodeToString(mac([]byte(key), "ACS3-HMAC-SHA256\n"+digest([]byte(canonical))))
	return "ACS3-HMAC-SHA256 Credential=" + id + ",SignedHeaders=" + list + ",Signature=" + signature
}

// canonicalQuery writes parameters sorted and escaped as RFC 3986 has it.
func canonicalQuery(params map[string]string) string {
	list := make([]string, 0, len(params))
	for name, value := range params {
		list = append(list, escape(name)+"="+escape(value))
	}
	sort.Strings(list)
	return strings.Join(list, "&")
}

func escape(s string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
}

// tencentCarrier sends through Tencent Cloud's SendSms (API version 2021-01-11), requests signed with TC3-HMAC-SHA256.
type tencentCarrier struct {
	n *Notify
	smsConfig
}

type tencentBody struct {
	PhoneNumberSet   []string
	SmsSdkAppId      string //nolint:revive // the vendor's name
	SignName         string
	TemplateId       string //nolint:revive // the vendor's name
	TemplateParamSet []string
	SessionContext   string
}

func (c tencentCarrier) send(ctx context.Context, o *outgoing) error {
	endpoint, region := c.Endpoint, c.Region
	if endpoint == "" {
		endpoint = "https://sms.tencentcloudapi.com"
	}
	if region == "" {
		region = "ap-guangzhou"
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return permanent{err}
	}
	values := map[string]string{"code": o.Params.Code, "minutes": strconv.FormatInt(o.Params.Minutes, 10), "application": o.Params.App}
	places := []string{}
	for _, name := range c.Parameters {
		places = append(places, values[name])
	}
	if len(places) == 0 {
		places = []string{o.Params.Code}
	}
	body, err := json.Marshal(tencentBody{[]string{o.To}, c.SDKAppID, c.SignName, c.TemplateID, places, o.ID})
	if err != nil {
		return permanent{err}
	}
	now := time.UnixMilli(c.n.DB.Now()).UTC()
	h := http.Header{}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-TC-Action", "SendSms")
	h.Set("X-TC-Version", "2021-01-11")
	h.Set("X-TC-Region", region)
	h.Set("X-TC-Timestamp", strconv.FormatInt(now.Unix(), 10))
	h.Set("Authorization", tencentAuthorization(c.SecretID, c.SecretKey, "sms", "SendSms", u.Host, now, body))
	text, err := c.n.post(ctx, u.Scheme+"://"+u.Host+"/", h, body)
	if err != nil {
		return err
	}
	var answer struct {
		Response struct {
			Error         *struct{ Code string }
			SendStatusSet []struct{ Code string }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return errors.New("the vendor's answer cannot be read")
	}
	code := ""
	switch r := &answer.Response; {
	case r.Error != nil:
		code = r.Error.Code
	case len(r.SendStatusSet) > 0:
		code = r.SendStatusSet[0].Code
	}
	switch {
	case code == "Ok":
		return nil
	case code == "", strings.HasPrefix(code, "InternalError"), strings.HasPrefix(code, "RequestLimitExceeded"), strings.HasPrefix(code, "LimitExceeded"):
		return fmt.Errorf("the vendor says %q", code)
	}
	return permanent{fmt.Errorf("the vendor says %s", code)}
}

// tencentAuthorization is the header of a JSON request that is signed by TC3-HMAC-SHA256.
func tencentAuthorization(id, key, service, action, host string, now time.Time, body []byte) string {
	const list = "content-type;host;x-tc-action"
	canonical := strings.Join([]string{"POST", "/", "",
		"content-type:application/json; charset=utf-8\nhost:" + host + "\nx-tc-action:" + strings.ToLower(action) + "\n", list, digest(body)}, "\n")
	day := now.Format("2006-01-02")
	scope := day + "/" + service + "/tc3_request"
	text := strings.Join([]string{"TC3-HMAC-SHA256", strconv.FormatInt(now.Unix(), 10), scope, digest([]byte(canonical))}, "\n")
	derived := mac(mac(mac([]byte("TC3"+key), day), service), "tc3_request")
	return "TC3-HMAC-SHA256 Credential=" + id + "/" + scope + ", SignedHeaders=" + list + ", Signature=" + hex.EncodeToString(mac(derived, text))
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
