package v3

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/op"
)

// system is the op.Wire of GET /api/v3/system, which anyone may ask and which answers without the envelope.
type system struct {
	envelope
	api *API
}

// Caller is anonymous, in the pool that the headers name or mean.
func (s system) Caller(r *http.Request, _ []byte, _ *op.Op) (*caller.Caller, error) {
	c := baseCaller(r)
	p, err := s.api.Signin.PoolOf(r.Context(), r.Header.Get("X-Authing-Userpool-Id"), r.Header.Get("X-Authing-App-Id"))
	if err != nil {
		return c, err
	}
	c.PoolID = p.ID
	return c, nil
}

// Succeed answers with data alone.
func (s system) Succeed(w http.ResponseWriter, r *http.Request, o *op.Op, c *caller.Caller, data any) {
	b := op.NewAnswer()
	if err := json.MarshalWrite(b, data); err != nil {
		b.Drop()
		s.Fail(w, r, o, c, err)
		return
	}
	b.Send(w)
}

// systemInfo tells clients how to encrypt passwords on their way: SystemInfoResp.
type systemInfo struct {
	RSA     publicKey     `json:"rsa"`
	SM2     publicKey     `json:"sm2"`
	Version systemVersion `json:"version"`
	// PublicIPs are the server's addresses for firewalls; which they are is not for the server to know.
	PublicIPs []string `json:"publicIps"`
}

type publicKey struct {
	PublicKey string `json:"publicKey"`
}

type systemVersion struct {
	Server  string `json:"server"`
	Console string `json:"console"`
	Login   string `json:"login"`
}

func (a *API) getSystemInfo(ctx context.Context, _ *struct{}) (*systemInfo, error) {
	k, err := a.Directory.Keys(ctx, poolOf(ctx))
	if err != nil {
		return nil, err
	}
	return &systemInfo{
		RSA:     publicKey{k.RSAPublic},
		SM2:     publicKey{k.SM2Public},
		Version: systemVersion{Server: a.Version, Console: a.Version, Login: a.Version},
	}, nil
}
