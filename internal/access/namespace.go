package access

import (
	"context"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Default is the code of the namespace that every pool has and that an empty one stands for where something is made.
const Default = "default"

// Errors of namespaces.
var (
	ErrNamespaceNotFound  = fault.New(fault.NotFound, "namespace_not_found")
	ErrNamespaceCodeTaken = fault.New(fault.Conflict, "namespace_code_taken")
	// ErrNamespaceReserved is told of the codes "default" and "system", which nobody makes, renames or deletes.
	ErrNamespaceReserved = fault.New(fault.Forbidden, "namespace_reserved")
	// ErrNamespaceOfApplication is told of an application's own namespace, whose code and name are the application's.
	ErrNamespaceOfApplication = fault.New(fault.Forbidden, "namespace_of_application")
)

const (
	mostNamespaces    = 500 // that one call reads or names
	mostNewNamespaces = 50  // that one call makes or deletes
	mostInNamespace   = 20_000
)

// Namespace is a realm of roles and resources: "default", one of an application, whose identifier is its code, or another that
// somebody made.
type Namespace struct {
	PoolID      string `db:"pool_id"`
	Code        string `db:"code"`
	Name        string `db:"name"`
	Description string `db:"description"`
	Number      int64  `db:"number"` // unique in the pool, the same for ever, below 2^53
	CreatedAt   int64  `db:"created_at"`
	UpdatedAt   int64  `db:"updated_at"`
}

// NewNamespace is a namespace to be made.
type NewNamespace struct{ Code, Name, Description string }

func (a *Access) newNamespace(poolID string, n NewNamespace) Namespace {
	now := a.db.Now()
	number, _ := strconv.ParseInt(a.db.NewID()[12:], 16, 64) // identifiers end in 48 random bits
	return Namespace{poolID, n.Code, n.Name, n.Description, number, now, now}
}

// EnsureNamespace makes a namespace unless the pool has it. It is part of making pools; that of applications is EnsureApplication.
// The default one comes with the policy AdministratorAccess.
func (a *Access) EnsureNamespace(ctx context.Context, poolID, code, name string) error {
	if err := directory.CheckCode("code", code); err != nil {
		return err
	}
	if err := directory.CheckText("name", name, directory.MaxName); err != nil {
		return err
	}
	made := a.newNamespace(poolID, NewNamespace{Code: code, Name: name})
	return a.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, a.db, `insert into namespaces (pool_id, code, name, description, number, created_at, updated_at)
			values (?, ?, ?, '', ?, ?, ?) on conflict (pool_id, code) do nothing`, poolID, code, name, made.Number, made.CreatedAt, made.UpdatedAt)
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

// CreateNamespace makes one namespace. See CreateNamespaces; a code of more than 64 characters is the refusal of the field "code".
func (a *Access) CreateNamespace(ctx context.Context, poolID string, n NewNamespace) (*Namespace, error) {
	if err := directory.CheckText("code", n.Code, directory.MaxCode); err != nil {
		return nil, err
	}
	list, err := a.CreateNamespaces(ctx, poolID, []NewNamespace{n})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// CreateNamespaces makes up to 50 namespaces, all of them or none. A code is of 1 to 64 ASCII letters, digits and "_-.:": Invalid
// "namespace_code_invalid" (code), or "namespace_code_missing" when empty. One that is taken is ErrNamespaceCodeTaken, "default"
// and "system" are ErrNamespaceReserved.
func (a *Access) CreateNamespaces(ctx context.Context, poolID string, list []NewNamespace) ([]Namespace, error) {
	if err := directory.CheckCount("list", len(list), mostNewNamespaces); err != nil {
		return nil, err
	}
	made := make([]Namespace, len(list))
	for i, n := range list {
		made[i] = a.newNamespace(poolID, n)
		if err := made[i].check(); err != nil {
			return nil, err
		}
	}
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		for i := range made {
			if err := db.Insert(ctx, a.db, "namespaces", &made[i]); err != nil {
				return namespaceTaken(err)
			}
		}
		e := aboutNamespaces(audit.Create, made)
		e.After = namespaceList(made)
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (n *Namespace) check() error {
	switch {
	case n.Code == "":
		return fault.New(fault.Invalid, "namespace_code_missing")
	case directory.CheckText("code", n.Code, directory.MaxCode) != nil, !plainCode(n.Code, "_-.:"):
		return fault.New(fault.Invalid, "namespace_code_invalid", n.Code)
	case reservedNamespace(n.Code):
		return ErrNamespaceReserved
	}
	if err := directory.CheckText("name", n.Name, directory.MaxName); err != nil {
		return err
	}
	return directory.CheckText("description", n.Description, directory.MaxDescription)
}

func reservedNamespace(code string) bool { return code == Default || code == AdminNamespace }

// plainCode reports whether a code is of ASCII letters, digits and what else is named.
func plainCode(code, others string) bool {
	return !strings.ContainsFunc(code, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(others, c)
	})
}

func namespaceTaken(err error) error {
	if db.IsUnique(err, "namespaces", "code") {
		return ErrNamespaceCodeTaken.Because(err)
	}
	return err
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

// NamespaceByNumber returns the namespace of a number, or ErrNamespaceNotFound.
func (a *Access) NamespaceByNumber(ctx context.Context, poolID string, number int64) (*Namespace, error) {
	found, err := db.List[Namespace](ctx, a.db, selectNamespaces+"number = ? limit 1", poolID, number)
	if err == nil && len(found) == 0 {
		err = ErrNamespaceNotFound
	}
	if err != nil {
		return nil, err
	}
	return &found[0], nil
}

// NamespacesByCode returns the namespaces of up to 500 codes, by code. Unknown ones are left out.
func (a *Access) NamespacesByCode(ctx context.Context, poolID string, codes []string) (map[string]Namespace, error) {
	if len(codes) > mostNamespaces {
		return nil, directory.CheckCount("codeList", len(codes), mostNamespaces)
	}
	rows, err := db.List[Namespace](ctx, a.db, selectNamespaces+"code in (?...) limit ?", poolID, directory.Findable(codes), mostNamespaces)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Namespace, len(rows))
	for _, n := range rows {
		out[n.Code] = n
	}
	return out, nil
}

// NamespaceFilter selects namespaces; what is empty selects everything.
type NamespaceFilter struct {
	Keywords string // a part of the name or the code, in any ASCII case
}

// Namespaces returns a page of the namespaces that match, the latest first, and how many there are. Those of applications, the
// default one and that of administrators are among them.
func (a *Access) Namespaces(ctx context.Context, poolID string, f NamespaceFilter, p directory.Page) ([]Namespace, int64, error) {
	if err := directory.CheckText("keywords", f.Keywords, directory.MaxName); err != nil {
		return nil, 0, err
	}
	return a.listNamespaces(ctx, poolID, f, p)
}

// NamespacePatch is a change of a namespace; nil leaves a field as it is. An empty NewCode does so too.
type NamespacePatch struct{ Name, Description, NewCode *string }

// UpdateNamespace changes one namespace and returns it as it then is. With its code all that is in it moves along; more than 20,000
// roles, resources, grants and policies are Unprocessable "namespace_too_large". The code of a reserved namespace stays:
// ErrNamespaceReserved; so do code and name of an application's: ErrNamespaceOfApplication. Changing nothing writes nothing.
func (a *Access) UpdateNamespace(ctx context.Context, poolID, code string, p NamespacePatch) (*Namespace, error) {
	if p.NewCode != nil {
		if err := directory.CheckText("newCode", *p.NewCode, directory.MaxCode); err != nil {
			return nil, err
		}
	}
	var after Namespace
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		before, err := a.lockedNamespace(ctx, poolID, code)
		if err != nil {
			return err
		}
		after = *before
		if p.NewCode != nil && *p.NewCode != "" {
			after.Code = *p.NewCode
		}
		if p.Name != nil {
			after.Name = *p.Name
		}
		if p.Description != nil {
			after.Description = *p.Description
		}
		if err := a.checkNamespaceUpdate(ctx, before, &after); err != nil {
			return err
		}
		changes, err := db.Diff(before, &after)
		if err != nil || len(changes) == 0 {
			return err
		}
		after.UpdatedAt = a.db.Now()
		changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
		if err := db.Update(ctx, a.db, "namespaces", changes, "pool_id = ? and code = ?", poolID, before.Code); err != nil {
			return namespaceTaken(err)
		}
		if after.Code != before.Code {
			if err := a.moveNamespace(ctx, poolID, before.Code, after.Code); err != nil {
				return err
			}
			if err := a.changed(ctx, poolID); err != nil {
				return err
			}
		}
		e := aboutNamespaces(audit.Update, []Namespace{after})
		e.Before, e.After = audit.Changes(changes)
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// checkNamespaceUpdate says whether a namespace may become another.
func (a *Access) checkNamespaceUpdate(ctx context.Context, before, after *Namespace) error {
	if reservedNamespace(before.Code) && after.Code != before.Code {
		return ErrNamespaceReserved
	}
	if after.Code != before.Code || after.Name != before.Name {
		switch own, err := a.applications(ctx, before.PoolID, []string{before.Code}); {
		case err != nil:
			return err
		case len(own) > 0:
			return ErrNamespaceOfApplication
		}
	}
	checked := *after
	if after.Code == before.Code {
		checked.Code = "kept" // those that come with a pool are older than the rules
	}
	return checked.check()
}

// DeleteNamespaces removes up to 50 namespaces with the roles, resources, grants and policies in them, all of them or none. With
// MissingFails an unknown one is ErrNamespaceNotFound. A reserved one is ErrNamespaceReserved, an application's
// ErrNamespaceOfApplication; more than 20,000 things in them are Unprocessable "namespace_too_large".
func (a *Access) DeleteNamespaces(ctx context.Context, poolID string, codes []string, missing directory.Missing) error {
	if err := directory.CheckCount("codeList", len(codes), mostNewNamespaces); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		list, err := a.namespacesForUpdate(ctx, poolID, codes)
		if err != nil {
			return err
		}
		there := make(map[string]bool, len(list))
		found := make([]string, len(list))
		for i, n := range list {
			if reservedNamespace(n.Code) {
				return ErrNamespaceReserved
			}
			there[n.Code], found[i] = true, n.Code
		}
		for _, code := range codes {
			if !there[code] && missing == directory.MissingFails {
				return ErrNamespaceNotFound
			}
		}
		if len(list) == 0 {
			return nil
		}
		switch own, err := a.applications(ctx, poolID, found); {
		case err != nil:
			return err
		case len(own) > 0:
			return ErrNamespaceOfApplication
		}
		if err := a.dropNamespaces(ctx, poolID, found); err != nil {
			return err
		}
		if err := a.changed(ctx, poolID); err != nil {
			return err
		}
		e := aboutNamespaces(audit.Delete, list)
		e.Before = namespaceList(list)
		return a.log.Add(ctx, poolID, e)
	})
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

// aboutNamespaces begins a record; only that of a single namespace names it.
func aboutNamespaces(operation string, list []Namespace) audit.Event {
	e := audit.Event{Operation: operation, Resource: audit.Namespace}
	if len(list) == 1 {
		e.TargetID, e.TargetName = list[0].Code, list[0].Name
	}
	return e
}

func namespaceList(list []Namespace) map[string]any {
	if len(list) == 1 {
		return map[string]any{"code": list[0].Code, "name": list[0].Name, "description": list[0].Description}
	}
	codes := make([]string, len(list))
	for i, n := range list {
		codes[i] = n.Code
	}
	return map[string]any{"codes": codes}
}
