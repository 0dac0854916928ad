package access

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Default is the code of the namespace that every pool has and that an empty one stands for where something is made.
const Default = "default"

// ErrNamespaceNotFound is told of a namespace that the pool does not have.
var ErrNamespaceNotFound = fault.New(fault.NotFound, "namespace_not_found")

// mostNamespaces is how many one call reads or names.
const mostNamespaces = 500

// Namespace is a realm of roles and resources: "default", or one of an application, whose identifier is its code.
type Namespace struct {
	PoolID      string `db:"pool_id"`
	Code        string `db:"code"`
	Name        string `db:"name"`
	Description string `db:"description"`
	CreatedAt   int64  `db:"created_at"`
	UpdatedAt   int64  `db:"updated_at"`
}

// EnsureNamespace makes a namespace unless the pool has it. It is part of making pools and applications. The default one comes with
// the policy AdministratorAccess.
func (a *Access) EnsureNamespace(ctx context.Context, poolID, code, name string) error {
	if err := directory.CheckCode("code", code); err != nil {
		return err
	}
	if err := directory.CheckText("name", name, directory.MaxName); err != nil {
		return err
	}
	now := a.db.Now()
	return a.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, a.db, `insert into namespaces (pool_id, code, name, description, created_at, updated_at) values (?, ?, ?, '', ?, ?)
			on conflict (pool_id, code) do nothing`, poolID, code, name, now, now)
		if err != nil || n == 0 {
			return err
		}
		if code == Default {
			if err := a.ensureBuiltinPolicy(ctx, poolID); err != nil {
				return err
			}
		}
		return a.log.Add(ctx, poolID, audit.Event{Operation: audit.Create, Resource: audit.Namespace, TargetID: code, TargetName: name,
			After: map[string]any{"code": code, "name": name}})
	})
}

// Namespace returns the namespace of a code, or ErrNamespaceNotFound.
func (a *Access) Namespace(ctx context.Context, poolID, code string) (*Namespace, error) {
	found, err := a.NamespacesByCode(ctx, poolID, []string{code})
	if err != nil {
		return nil, err
	}
	n, ok := found[code]
	if !ok {
		return nil, ErrNamespaceNotFound
	}
	return &n, nil
}

// NamespacesByCode returns the namespaces of up to 500 codes, by code. Unknown ones are left out.
func (a *Access) NamespacesByCode(ctx context.Context, poolID string, codes []string) (map[string]Namespace, error) {
	if len(codes) > mostNamespaces {
		return nil, directory.CheckCount("codeList", len(codes), mostNamespaces)
	}
	rows, err := db.List[Namespace](ctx, a.db, "select "+db.Columns[Namespace]()+" from namespaces where pool_id = ? and code in (?...) limit ?",
		poolID, directory.Findable(codes), mostNamespaces)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Namespace, len(rows))
	for _, n := range rows {
		out[n.Code] = n
	}
	return out, nil
}

// needNamespaces gives ErrNamespaceNotFound unless the pool has all of the codes.
func (a *Access) needNamespaces(ctx context.Context, poolID string, codes ...string) error {
	found, err := a.NamespacesByCode(ctx, poolID, codes)
	if err != nil {
		return err
	}
	for _, c := range codes {
		if _, ok := found[c]; !ok {
			return ErrNamespaceNotFound
		}
	}
	return nil
}
