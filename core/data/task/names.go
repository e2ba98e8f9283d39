package task

import "github.com/archlab/archlab/core/data/internal/rng"

// namesKind tells stories of people with names of two tokens and asks for the second token of a name that has been mentioned
// before (Gloeckle et al. 2024, "Better & Faster Large Language Models via Multi-token Prediction", section 4.1):
//
//	F3 S7 w w w F1 S4 w w w w F3 ?    answer: S7
//
// Words are ids in [0,W); first tokens of names follow them, second tokens come last. A sentence is a name and three to six words;
// after a word come four others, the likeliest half of the time. A story has its own people, with distinct first tokens. For
// training, a first token goes with a few second tokens only, as names do in a corpus, and every next token is learned;
// for validation and test the second tokens are drawn anew, so that what a name looks like helps no more than chance and
// only what the story said before does. The first mention is not scored.
var namesKind = Kind{
	Name: "names", Suite: "mtp", Summary: "stories: complete a name of two tokens that was mentioned before",
	Source:      "Gloeckle et al. 2024, Better & Faster Large Language Models via Multi-token Prediction (arXiv:2404.19737), induction capability",
	Unpublished: "the publication trains on children's stories and replaces the names of 100 test stories; here the stories are made of words drawn from a chain",
	Params: []Param{
		{Key: "words", Doc: "ids of words", Min: 8, Max: 1e6, Size: true, Paper: 64, CPU: 64},
		{Key: "names", Doc: "first tokens of names, and as many second tokens", Min: 2, Max: 1e6, Size: true, Paper: 32, CPU: 32},
		{Key: "habit", Doc: "second tokens that go with a first token in training; as many as names: names say nothing of themselves", Min: 1, Max: 1e6, Paper: 4, CPU: 4},
		{Key: "people", Doc: "people of a story", Min: 1, Max: 1e6, Size: true, Paper: 3, CPU: 3},
		{Key: "length", Doc: "tokens a sequence", Min: 16, Max: 1 << 20, Size: true, Paper: 128, CPU: 128},
		{Key: allTokens.Key, Doc: allTokens.Doc, Switch: true, Paper: 1, CPU: 1},
	},
	Examples: unsaid, Scale: "length",
	open: func(v Values) (*design, error) {
		s := story{words: v.int("words"), names: v.int("names"), people: v.int("people")}
		habit := v.int("habit")
		switch {
		case s.people > s.names:
			return nil, configError("people", "got %d, want at most names, which are %d: first tokens are distinct", s.people, s.names)
		case v.int("length") <= longestSentence*s.people:
			return nil, configError("length", "got %d, want more than %d times people %d: only then is it sure that somebody comes again, who is asked for", v.int("length"), longestSentence, s.people)
		case habit > s.names:
			return nil, configError("habit", "got %d, want at most names, which are %d", habit, s.names)
		}
		return &design{
			length: v.int("length"), vocab: s.words + 2*s.names, answers: between(s.words+s.names, s.words+2*s.names),
			contextChance: 1 / float64(s.people), dense: v["all_tokens"] != 0,
			draw: func(e *Example, r *rng.Source) uint64 {
				// The habits of first token f are the second tokens f, f+1 ... f+habit-1, modulo names.
				return s.tell(e, r, func(first int) int { return (first + r.Intn(habit)) % s.names })
			},
			test: func(e *Example, r *rng.Source) uint64 {
				return s.tell(e, r, func(int) int { return r.Intn(s.names) })
			},
		}, nil
	},
}

// longestSentence is the tokens of a name and six words.
const longestSentence = 8

// story is what all stories of a task share.
type story struct{ words, names, people int }

// tell fills an example with a story whose people get their second tokens from second.
func (s story) tell(e *Example, r *rng.Source, second func(first int) int) uint64 {
	first, last := make([]int, s.people), make([]int, s.people)
	r.Choose(first, s.names)
	for i := range last {
		last[i] = second(first[i])
	}
	met := make([]bool, s.people)
	word := r.Intn(s.words)
	for at := 0; at < len(e.Tokens); {
		who := r.Intn(s.people)
		e.Tokens[at] = int32(s.words + first[who])
		answer := int32(s.words + s.names + last[who])
		if met[who] {
			e.score(at, answer)
		}
		met[who] = true
		if at++; at < len(e.Tokens) {
			e.Tokens[at] = answer
			at++
		}
		for n := 3 + r.Intn(longestSentence-4); n > 0 && at < len(e.Tokens); n-- {
			word = s.next(word, r)
			e.Tokens[at] = int32(word)
			at++
		}
	}
	return hashTokens(e.Tokens)
}

// next is the word after a word: one of four, spread over the vocabulary, with probabilities 1/2, 1/4, 1/8, 1/8.
func (s story) next(word int, r *rng.Source) int {
	choice := 0
	for choice < 3 && r.Intn(2) == 1 {
		choice++
	}
	return (5*word + 1 + choice*(s.words/4+1)) % s.words
}
