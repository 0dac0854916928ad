package access

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// NamespaceAvailable tells whether a namespace of this code, unless it is empty, and this name could be made: nil, or what
// CreateNamespace says.
func (a *Access) NamespaceAvailable(ctx context.Context, poolID, code, name string) error {
	if code == "" {
		return directory.CheckText("name", name, directory.MaxName)
	}
	n := Namespace{Code: code, Name: name}
	if err := n.check(); err != nil {
		return err
	}
	found, err := a.NamespacesByCode(ctx, poolID, []string{code})
	if err == nil && len(found) > 0 {
		err = ErrNamespaceCodeTaken
	}
	return err
}
