package expression

import (
	"errors"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// typePrefix begins the names of objects' types. It cannot be written in an expression, so that none makes an object.
const typePrefix = "object of "

// provider tells the compiler of the declared objects.
type provider struct {
	*types.Registry
	structures map[string]*structure
}

type structure struct {
	typ    *types.Type
	names  []string
	fields map[string]*member
}

type member struct {
	Field
	structure *structure // of an object
	cel       *types.FieldType
}

func newProvider() (*provider, error) {
	r, err := types.NewRegistry()
	return &provider{r, make(map[string]*structure)}, err
}

// declare makes the type of the object that stands at a path.
func (p *provider) declare(path string, fields []Field) *structure {
	s := &structure{typ: types.NewObjectType(typePrefix + path), fields: make(map[string]*member, len(fields))}
	p.structures[typePrefix+path] = s
	for _, f := range fields {
		m := &member{Field: f}
		typ := map[Kind]*types.Type{Text: types.StringType, Int: types.IntType, Number: types.DoubleType, Flag: types.BoolType, JSON: types.DynType}[f.Kind]
		if f.Kind == Objects {
			m.structure = p.declare(path+"."+f.Name, f.Fields)
			typ = m.structure.typ
		}
		m.cel = &types.FieldType{Type: typ, IsSet: m.isSet, GetFrom: m.read}
		s.names = append(s.names, f.Name)
		s.fields[f.Name] = m
	}
	return s
}

func (m *member) isSet(target any) bool {
	o, ok := target.(Object)
	if !ok {
		return false
	}
	v, ok := o.Field(m.Name)
	return ok && v != ""
}

// read is the value of the field, or what stands for none.
func (m *member) read(target any) (any, error) {
	if o, ok := target.(Object); ok {
		if v, ok := o.Field(m.Name); ok {
			return v, nil
		}
	}
	switch m.Kind {
	case Text:
		return "", nil
	case Flag:
		return false, nil
	}
	return nil, errors.New("the field " + m.Name + " has no value")
}

// FindStructType implements types.Provider.
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if s, ok := p.structures[name]; ok {
		return types.NewTypeTypeWithParam(s.typ), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	if s, ok := p.structures[name]; ok {
		return s.names, true
	}
	return p.Registry.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if s, ok := p.structures[name]; ok {
		if m, ok := s.fields[field]; ok {
			return m.cel, true
		}
		return nil, false
	}
	return p.Registry.FindStructFieldType(name, field)
}

// NewValue implements types.Provider: expressions make no objects.
func (p *provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := p.structures[name]; ok {
		return types.NewErr("an expression makes no objects")
	}
	return p.Registry.NewValue(name, fields)
}
