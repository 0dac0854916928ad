package v3

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

type decryptedFieldDTO struct {
	UserID           *string `json:"userId,omitzero"`
	FieldName        *string `json:"fieldName,omitzero"`
	DecryptedContent string  `json:"decryptedContent"`
}

// userFieldDecrypt opens texts with the key that the caller sends along. It is a service of arithmetic: it reads nothing of
// anybody's.
func (a *API) userFieldDecrypt(_ context.Context, in *UserFieldDecryptReqDto) ([]decryptedFieldDTO, error) {
	key, err := privateKey(in.PrivateKey)
	if err != nil {
		return nil, err
	}
	list := make([]decryptedFieldDTO, len(in.Data))
	for i, d := range in.Data {
		plain, err := secret.DecryptRSA(key, d.EncryptedContent)
		if err != nil {
			return nil, fault.Field("encryptedContent")
		}
		list[i] = decryptedFieldDTO{d.UserID, d.FieldName, string(plain)}
	}
	return list, nil
}

// privateKey reads an RSA key in PEM of PKCS #8 or PKCS #1. Beyond 4096 bits one request could keep a processor busy.
func privateKey(text string) (*rsa.PrivateKey, error) {
	const longest, bits = 8192, 4096
	malformed := fault.Field("privateKey")
	block, _ := pem.Decode([]byte(text))
	if len(text) > longest || block == nil {
		return nil, malformed
	}
	var parsed any
	var err error
	if parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok || key.N.BitLen() > bits {
		return nil, malformed
	}
	return key, nil
}
