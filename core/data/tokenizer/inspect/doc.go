// Package inspect says what a tokenizer is made of, and what it does to a text: how many bytes a token holds, how many words are split,
// and which letters of a word a model can see.
//
//	c := inspect.NewComparison([]inspect.Subject{{Name: "mine", Tokenizer: tok}}, []string{"strawberry"})
//	c.Add(text)
//	report := c.Report(10)
//
// It judges no model: fewer tokens are not better ones. It only counts.
package inspect
