package search

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestContains(t *testing.T) {
	for _, c := range []struct {
		text, word string
		plain, all bool // found as written; found at all
	}{
		{"Maria Müller", "maria", true, true},
		{"Maria Müller", "MÜLL", true, true},
		{"Maria Müller", "a m", true, true},
		{"Maria Müller", "am", false, false},
		{"ＡＢＣ１２３", "abc12", true, true}, // full width
		{"abc123", "ＢＣ１", true, true},
		{"ｶﾞﾗｽ", "ガラス", true, true}, // half-width katakana
		{"张三", "张", true, true},
		{"张三", "三", true, true},
		{"张三", "张三", true, true},
		{"张三", "李", false, false},
		{"张三", "zhangsan", false, true},
		{"张三", "ngsa", false, true},
		{"张三", "zs", false, true},
		{"张三", "sz", false, false},
		{"重庆", "chongqing", false, true},
		{"重庆", "zhongqing", false, true},
		{"曾敏", "zengmin", false, true},
		{"王小明 2号", "wangxiaoming2hao", false, true},
		{"王小明 2号", "wxm2h", false, true},
		{"13800138000", "0138", true, true},
		{"maria.m+x@example.com", "+x@ex", true, true},
		{"100%_\"*", "%_\"*", true, true},
		{"a\x01b", "a b", true, true},
		{"İstanbul", "stanbul", true, true},
	} {
		if got := Contains(c.text, c.word, true); got != c.plain {
			t.Errorf("%q contains %q as written: %v", c.text, c.word, got)
		}
		if got := Contains(c.text, c.word, false); got != c.all {
			t.Errorf("%q contains %q: %v", c.text, c.word, got)
		}
	}
}

// world is what an index is compared with.
type world map[ID]Document

func (w world) ids(match func(Document) bool) []ID {
	var out []ID
	for id, d := range w {
		if match(d) {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b ID) int { return slices.Compare(b[:], a[:]) })
	return out
}

var (
	genText = rapid.OneOf(rapid.Just(""), rapid.StringOfN(rapid.RuneFrom([]rune("abAB12 @Ａ张三李长é%_\x00\x01")), 0, 12, -1),
		rapid.StringN(0, 6, -1))
	genWord = rapid.OneOf(rapid.StringOfN(rapid.RuneFrom([]rune("abAB12 @Ａ张三李zhngl%_")), 1, 4, -1), rapid.StringN(1, 3, -1))
)

const (
	testFields = 3
	testFacets = 2
)

func genID(t *rapid.T) (id ID) {
	n := rapid.IntRange(0, 400).Draw(t, "id")
	id[10], id[11] = byte(n>>8), byte(n)
	return id
}

func genDocument(t *rapid.T) Document {
	return Document{genID(t), rapid.SliceOfN(genText, testFields, testFields).Draw(t, "texts"),
		rapid.SliceOfN(rapid.Uint8Range(0, 3), testFacets, testFacets).Draw(t, "facets")}
}

// What an index finds, after whatever happened to it, is what a scan over all documents finds.
func TestIndexEqualsScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, w := New(testFields, testFacets), world{}
		if rapid.Bool().Draw(t, "remember") {
			x.large = -1
		}
		again := Query{Words: []Word{{Text: "a", Fields: []int{0, 1}}}} // asked again after each change
		if list := rapid.SliceOfN(rapid.Custom(genDocument), 0, 300).Draw(t, "loaded"); len(list) > 0 {
			for _, d := range list {
				w[d.ID] = d
			}
			ids := w.ids(func(Document) bool { return true })
			slices.Reverse(ids)
			if err := x.Load(func() (part []Document, err error) {
				for len(ids) > 0 && len(part) < 100 {
					part, ids = append(part, w[ids[0]]), ids[1:]
				}
				return part, nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(0, 6).Draw(t, "rounds") {
			put := rapid.SliceOfNDistinct(rapid.Custom(genDocument), 0, 120, func(d Document) ID { return d.ID }).Draw(t, "put")
			var gone []ID
			for range rapid.IntRange(0, 80).Draw(t, "removed") {
				if id := genID(t); !slices.ContainsFunc(put, func(d Document) bool { return d.ID == id }) {
					gone = append(gone, id)
				}
			}
			x.Apply(put, gone)
			for _, d := range put {
				w[d.ID] = d
			}
			for _, id := range gone {
				delete(w, id)
			}
			if got, want := x.Match(again).Page(0, 1000, false), w.ids(func(d Document) bool {
				return Contains(d.Texts[0], "a", false) || Contains(d.Texts[1], "a", false)
			}); !slices.Equal(got, want) {
				t.Fatalf("asked again: %d, want %d", len(got), len(want))
			}
		}
		if x.Len() != len(w) {
			t.Fatalf("%d documents, %d expected", x.Len(), len(w))
		}
		for range 5 {
			var q Query
			for range rapid.IntRange(0, 2).Draw(t, "words") {
				q.Words = append(q.Words, Word{genWord.Draw(t, "word"), rapid.SliceOfNDistinct(rapid.IntRange(0, testFields-1), 1, 3, rapid.ID).Draw(t, "fields"),
					rapid.Bool().Draw(t, "plain"), rapid.Bool().Draw(t, "not")})
			}
			if rapid.Bool().Draw(t, "facet") {
				f := Facet{Facet: rapid.IntRange(0, testFacets-1).Draw(t, "which")}
				f.Allow[rapid.Uint8Range(0, 3).Draw(t, "value")] = true
				q.Facets = append(q.Facets, f)
			}
			want := w.ids(func(d Document) bool {
				for _, word := range q.Words {
					found := false
					for _, f := range word.Fields {
						found = found || Contains(d.Texts[f], word.Text, word.Plain)
					}
					if found == word.Not {
						return false
					}
				}
				for _, f := range q.Facets {
					if !f.Allow[d.Facets[f.Facet]] {
						return false
					}
				}
				return true
			})
			m := x.Match(q)
			if got := m.Page(0, len(w)+1, false); !slices.Equal(got, want) {
				t.Fatalf("%+v: found %d, want %d", q.Words, len(got), len(want))
			}
			if m.Len() != len(want) {
				t.Fatalf("counted %d, want %d", m.Len(), len(want))
			}
			offset, limit := rapid.IntRange(0, len(want)+1).Draw(t, "offset"), rapid.IntRange(1, 50).Draw(t, "limit")
			if got, want := m.Page(offset, limit, false), want[min(offset, len(want)):min(offset+limit, len(want))]; !slices.Equal(got, want) {
				t.Fatalf("page at %d: %v, want %v", offset, got, want)
			}
			up := slices.Clone(want)
			slices.Reverse(up)
			if got, want := m.Page(offset, limit, true), up[min(offset, len(up)):min(offset+limit, len(up))]; !slices.Equal(got, want) {
				t.Fatalf("ascending page at %d: %v, want %v", offset, got, want)
			}
			for id := range w {
				if m.Has(id) != slices.Contains(want, id) {
					t.Fatalf("Has(%v) is %v", id, m.Has(id))
				}
			}
		}
	})
}

func TestLoadFails(t *testing.T) {
	x, broken := New(1, 0), errors.New("broken")
	n := 0
	err := x.Load(func() ([]Document, error) {
		if n++; n == 3 {
			return nil, broken
		}
		return []Document{{ID: ID{byte(n)}, Texts: []string{"text"}}}, nil
	})
	if !errors.Is(err, broken) || x.Len() != 0 {
		t.Errorf("%v, %d documents", err, x.Len())
	}
}

// Readers beside writers see each change whole.
func TestReadersBesideWriters(t *testing.T) {
	x := New(1, 0)
	docs := func(text string) (list []Document) {
		for i := range 200 {
			list = append(list, Document{ID: ID{0, byte(i)}, Texts: []string{text}})
		}
		return list
	}
	x.Apply(docs("before"), nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				for _, word := range []string{"before", "behind"} {
					if n := x.Match(Query{Words: []Word{{Text: word, Fields: []int{0}}}}).Len(); n != 0 && n != 200 {
						t.Errorf("%d documents have %q", n, word)
						return
					}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 100 {
		x.Apply(docs([]string{"behind", "before"}[i%2]), nil)
	}
	close(stop)
	wg.Wait()
}

// people makes documents like users: name, e-mail, phone, user name, nickname.
func people(n int) func() ([]Document, error) {
	r := rand.New(rand.NewPCG(1, 2))
	given, family := []rune("伟芳娜敏静丽强磊军洋勇艳杰涛明超秀霞平刚桂英华玉兰建国文辉力"), []rune("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗")
	latin := []string{"maria", "john", "lee", "smith", "garcia", "kim", "anna", "peter", "müller", "rossi", "novak", "silva"}
	made := 0
	return func() (list []Document, err error) {
		for ; made < n && len(list) < 4096; made++ {
			name := fmt.Sprint(latin[r.IntN(12)], " ", latin[r.IntN(12)])
			if made%2 == 0 {
				name = string([]rune{family[r.IntN(len(family))], given[r.IntN(len(given))], given[r.IntN(len(given))]})
			}
			login := fmt.Sprintf("%s%d", latin[r.IntN(12)], made)
			list = append(list, Document{ID: ID{0, 0, byte(made >> 24), byte(made >> 16), byte(made >> 8), byte(made)},
				Texts: []string{name, login + "@example.com", fmt.Sprintf("1%010d", r.IntN(1e9)), login, latin[r.IntN(12)]}})
		}
		return list, nil
	}
}

func BenchmarkMillion(b *testing.B) {
	x := New(5, 0)
	for b.Loop() {
		x = New(5, 0)
		if err := x.Load(people(1_000_000)); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d MB", x.Size()>>20)
	fields := []int{0, 1, 2, 3, 4}
	for _, word := range []string{"maria424242", "0138001", "peter77", "王伟", "wangwei", "maria", "ma", "example"} {
		b.Run(word, func(b *testing.B) {
			n := 0
			for b.Loop() {
				n = x.Match(Query{Words: []Word{{Text: word, Fields: fields}}}).Len()
			}
			b.ReportMetric(float64(n), "found")
		})
	}
	b.Run("apply", func(b *testing.B) {
		d, _ := people(1)()
		for b.Loop() {
			x.Apply(d, nil)
		}
	})
}
