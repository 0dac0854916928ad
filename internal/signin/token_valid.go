package signin

import (
	"context"
	"encoding/json"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// ValidToken returns the claims, as they stand in it, of a signed token of ours that is valid now: an access token, a V2 user's token or an id token. ErrTokenInvalid
// otherwise.
func (s *Signin) ValidToken(ctx context.Context, token string) ([]byte, error) {
	_, err := s.Inspect(ctx, token)
	isID := fault.KindOf(err) == fault.Unauthenticated
	if isID {
		_, err = s.IDTokenHint(ctx, token)
	}
	if err != nil {
		return nil, err
	}
	parsed, err := jwt.ParseSigned(token, tokenAlgorithms)
	if err != nil {
		return nil, ErrTokenInvalid.Because(err)
	}
	// The signature has been checked above.
	var c jwt.Claims
	var raw json.RawMessage
	var use struct {
		Use string `json:"use"`
	}
	if err := parsed.UnsafeClaimsWithoutVerification(&c, &raw, &use); err != nil {
		return nil, ErrTokenInvalid.Because(err)
	}
	if c.Expiry == nil || s.db.Now() >= c.Expiry.Time().UnixMilli() {
		return nil, ErrTokenInvalid
	}
	if isID && use.Use != "" {
		return nil, ErrTokenInvalid // a V2 user's token that has been called in
	}
	return raw, nil
}
