package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// person is one user of the population. Who person i is depends on i alone: every fill of every size is the same.
type person struct {
	username, email, phone, countryCode, name, givenName, familyName, nickname, gender, birthdate string
	company, city, country, school                                                                string
	age                                                                                           int
}

// Words to search for, and how many of the population they find.
const (
	commonWord    = "northwind" // the e-mail domain of every second user
	ordinaryEvery = 3333        // one of so many users has a given ordinary word as family name: 300 in a million
	rareEvery     = 1000        // one of so many users has a nickname that nobody shares
)

var ordinaryWords = []string{"Featherstone", "Przybylski", "Okonkwo"}

// chineseNames are names of two characters that some hundred to thousand in a million bear, alone or as the beginning of their own.
var chineseNames = []string{"周军", "徐磊", "孙艳", "胡杰", "朱敏", "郭霞"}

type syllable struct{ character, latin string }

// Frequent ones first: they are drawn more often.
var (
	chineseFamily = syllables("王wang 李li 张zhang 刘liu 陈chen 杨yang 赵zhao 黄huang 周zhou 吴wu 徐xu 孙sun 胡hu 朱zhu 高gao 林lin 何he 郭guo 马ma 罗luo " +
		"梁liang 宋song 郑zheng 谢xie 韩han 唐tang 冯feng 于yu 董dong 萧xiao 程cheng 曹cao 袁yuan 邓deng 许xu 傅fu 沈shen 曾zeng 彭peng 吕lv")
	chineseGiven = syllables("伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei 军jun 洋yang 勇yong 艳yan 杰jie 娟juan 涛tao 明ming 超chao 霞xia 平ping 刚gang " +
		"桂gui 英ying 华hua 玉yu 兰lan 红hong 建jian 国guo 文wen 志zhi 梅mei 云yun 海hai 晓xiao 春chun 秀xiu 宇yu 浩hao 子zi 轩xuan " +
		"雨yu 欣xin 佳jia 思si 嘉jia 俊jun 博bo 天tian 一yi 诗shi 涵han 晨chen 阳yang 鹏peng 飞fei 龙long 凤feng 雪xue 梦meng 琪qi")
	westernGiven = strings.Fields("Maria Anna Peter Paul Laura Julia Thomas Michael Sarah Emma Daniel David Lucas Sophie Marie Anton Clara Felix Jonas Lena " +
		"James Olivia Amelia Jack Harry Grace Chloé Élodie Jürgen Søren Björn Zoë José Inés Lucía Giulia Matteo Ivan Olga Katarzyna")
	westernFamily = strings.Fields("Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Hoffmann Schulz Smith Jones Taylor Brown Williams Wilson Johnson " +
		"Davies Robinson Wright Martin Bernard Dubois Durand Moreau Laurent García Martínez López Sánchez Rossi Russo Ferrari Esposito Novák Kowalski " +
		"Nowak Jensen Nielsen Hansen Andersson Johansson Virtanen Korhonen Silva Santos Ferreira O'Brien Murphy Kelly")
	places = []struct{ city, country, code string }{{"北京", "CN", "+86"}, {"上海", "CN", "+86"}, {"深圳", "CN", "+86"}, {"成都", "CN", "+86"},
		{"杭州", "CN", "+86"}, {"Köln", "DE", "+49"}, {"Berlin", "DE", "+49"}, {"London", "GB", "+44"}, {"Paris", "FR", "+33"}, {"Madrid", "ES", "+34"},
		{"Milano", "IT", "+39"}, {"Warszawa", "PL", "+48"}, {"Boston", "US", "+1"}, {"Toronto", "CA", "+1"}}
	trades  = strings.Fields("Logistics Software Foods Textiles Optics Energy Consulting Pharma Steel Media")
	domains = strings.Fields("mail.example post.example web.example home.example inbox.example letters.example online.example")
)

const chinesePlaces = 5

func syllables(text string) []syllable {
	var out []syllable
	for _, s := range strings.Fields(text) {
		n := len("王")
		out = append(out, syllable{s[:n], s[n:]})
	}
	return out
}

// random is the source of chance for thing i of a kind.
func random(kind, i uint64) *rand.Rand { return rand.New(rand.NewPCG(kind, i)) }

// often draws from a list, its beginning more often than its end, as names are.
func often[T any](r *rand.Rand, list []T) T {
	x := r.Float64()
	return list[int(x*x*float64(len(list)))]
}

func personAt(i int) person {
	r := random(1, uint64(i))
	p := person{gender: []string{"F", "M"}[r.IntN(2)], age: 18 + r.IntN(60), school: fmt.Sprintf("School %04d", r.IntN(5000))}
	p.birthdate = fmt.Sprintf("%d-%02d-%02d", 2025-p.age, 1+r.IntN(12), 1+r.IntN(28))
	p.company = coined(random(2, uint64(r.IntN(2000))), 2) + " " + trades[r.IntN(len(trades))]
	place := places[chinesePlaces+r.IntN(len(places)-chinesePlaces)]
	var latin string
	ordinary := ""
	for k, word := range ordinaryWords {
		if i%ordinaryEvery == 100+k*300 {
			ordinary = word
		}
	}
	if ordinary == "" && r.IntN(100) < 40 {
		place = places[r.IntN(chinesePlaces)]
		family, given := often(r, chineseFamily), often(r, chineseGiven)
		if r.IntN(2) == 0 {
			second := often(r, chineseGiven)
			given = syllable{given.character + second.character, given.latin + second.latin}
		}
		p.familyName, p.givenName, p.name = family.character, given.character, family.character+given.character
		latin = given.latin + "." + family.latin
	} else {
		p.familyName, p.givenName = often(r, westernFamily), often(r, westernGiven)
		if ordinary != "" {
			p.familyName = ordinary
		}
		p.name = p.givenName + " " + p.familyName
		latin = plain.Replace(strings.ToLower(p.givenName + "." + p.familyName))
	}
	p.username = fmt.Sprintf("%s.%d", latin, i)
	domain := domains[r.IntN(len(domains))]
	if i%2 == 0 {
		domain = commonWord + ".example"
	}
	p.email = p.username + "@" + domain
	p.city, p.country, p.countryCode, p.phone = place.city, place.country, place.code, fmt.Sprintf("13%09d", i)
	p.nickname = p.givenName
	if i%rareEvery == rareEvery/2 {
		p.nickname = rareWord(i / rareEvery)
	}
	return p
}

// rareWord is the nickname that one user in each rareEvery bears.
func rareWord(k int) string { return coined(random(3, uint64(k)), 5) }

// coined is a word of nobody's language.
func coined(r *rand.Rand, syllables int) string {
	const consonants, vowels = "bdfgklmnprstvxz", "aeiou"
	b := make([]byte, 0, 2*syllables)
	for range syllables {
		b = append(b, consonants[r.IntN(len(consonants))], vowels[r.IntN(len(vowels))])
	}
	b[0] -= 'a' - 'A'
	return string(b)
}

var plain = strings.NewReplacer("ü", "ue", "ö", "oe", "ø", "o", "é", "e", "ë", "e", "í", "i", "ó", "o", "á", "a", "ú", "u", "'", "")
