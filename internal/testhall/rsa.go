package testhall

import (
	"crypto/rsa"
	"sync"
	"sync/atomic"

	"github.com/guildhall-id/guildhall/internal/secret"
)

// rsaKeys gives one database the RSA keys of the process one after the other, each once.
type rsaKeys struct{ given atomic.Int64 }

func (k *rsaKeys) next() (*rsa.PrivateKey, error) {
	n := int(k.given.Add(1))
	prepared.Lock()
	defer prepared.Unlock()
	for len(prepared.keys) < n {
		key, err := secret.NewRSA()
		if err != nil {
			return nil, err
		}
		prepared.keys = append(prepared.keys, key)
	}
	return prepared.keys[n-1], nil
}

// prepared are the RSA keys that this process has made.
var prepared struct {
	sync.Mutex
	keys []*rsa.PrivateKey
}
