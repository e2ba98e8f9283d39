// Strings that tokenizers get wrong, for golden vectors.
'use strict';

const runs = (s, ...ns) => ns.map((n) => s.repeat(n));

module.exports = [
  '', ' ', '  ', '   ', '\t', '\n', '\r\n', '\n\n\n', ' \n ', '\u00a0', '\u3000', '\u2028\u2029', '\u0085', '\u200b', '\ufeff', '\ufeffHello',
  'Hello, world!', ' Hello', 'Hello ', '  Hello   there  ', 'a\tb\nc\r\nd\re', 'trailing newline\n', 'two\n\nparagraphs\n\n\n', 'x \u00a0 y\u3000z',
  "don't I'll we're he'd I'M DON'T it\u2019s 'tis rock'n'roll o'clock '\u017f '\u017fX", "'s'S'\u017f's",
  'do not stop . really ? yes ! ok , fine', 'HELLO hello HeLLo camelCase PascalCaseWord SCREAMING_SNAKE',
  '0 1 12 123 1234 12345 1234567890', '3.14159 -2.5e10 1,000,000 $5.00 50% #1', '٠١٢٣ १२३ ⅧⅨ ½¾ ①② ²³',
  'naïve café résumé Ångström', 'nai\u0308ve cafe\u0301 re\u0301sume\u0301 A\u030angstro\u0308m', 'e\u0301\u0327\u0323 a\u0323\u0307 q\u0307\u0323',
  'a' + '\u0301'.repeat(40), '\u0301leading mark', 'ﬁ ﬂ ﬀ ㎏ ㍿ ㋿ ™ ℃ Ⅳ ｱｲｳ ＡＢＣ１２３', 'Straße STRASSE ẞ', 'İstanbul ISPARTA ıiIİ', 'ΌΣΟΣ ὀδυσσεύς ΣΑΣ',
  'Ǆ ǅ ǆ Ǳ', '日本語のテキストです。', '中文没有空格，但是有标点。', '你好 world 世界', '한국어 텍스트입니다', '\u1112\u1161\u11ab\u1100\u1173\u11af', '가각힣 \uac00\u11a8',
  'ภาษาไทยไม่มีช่องว่าง', 'नमस्ते दुनिया क्षत्रिय', 'مرحبا بالعالم ، كيف الحال؟', 'שלום עולם שָׁלוֹם', 'Привет, мир! Ёлка', 'Ελληνικά κείμενα',
  'Xin chào thế giới, đường phố Việt Nam', 'カタカナ ひらがな ー ｶﾞ か\u3099', '𠀀𠀁𪛖 㐀㐁 豈更', '𝕳𝖊𝖑𝖑𝖔 𝟘𝟙𝟚', '🙂', '👨‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 ❤️ 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'a🙂b🙂🙂c',
  'zero\u200bwidth\u200cnon\u200djoiner\u2060', 'soft\u00adhyphen', 'bidi \u202eoverride\u202c end', '\u0000', 'nul\u0000in\u0000text', '\u0001\u0002\u001f\u007f\u0080\u009f', 'bell\u0007 esc\u001b[0m',
  '\ufffd', 'broken \ufffd\ufffd text', '\ufffe\uffff', '\ue000private', '\u0378\u0379 unassigned \ud87e\udfff', '\u{10ffff}', '\u1c89\ua7cb\u{105c0}\u{10d40} new letters', '\u0897\u{113ce} new marks',
  'http://example.com/path?q=1&r=2#frag', 'user@example.com', 'C:\\dir\\file.txt', '/usr/share/doc', 'f(x)[i] = {a: b, "c": \'d\'};', '  if (x == 1) {\n\t\treturn "y";\n  }\n', '/* comment */ // line\n# hash',
  '<s>', '</s>', 'a <s> b</s>c', '<s><s> <unk>', '<mask>', 'the <mask> sat', '  <mask>  twice <mask><mask>', '[CLS] [SEP] [MASK] [UNK]', 'x[MASK]y [mask]', '<|endoftext|>', 'a<|endoftext|>b <|endoftext|>',
  '<|endoftext', '<|start|>user<|end|>', 'foo foobar barfoo foo.', 'Foo FOO foo', 'added added-token addedtoken', '<0x41><0xFF>', '<0x0A>', '▁', '▁▁a ▁b', ' ▁ ', 'Ġ', 'Ġhello Ċ', '##', '##ing a##b', '</w>', 'a</w>b',
  'hello</w> world', ...runs('a', 1, 10, 101, 300), ...runs('ab ', 20), ...runs(' ', 7, 64), ...runs('\n', 9), ...runs('=', 80), ...runs('🙂', 30), ...runs('漢', 40), ...runs('1', 50), 'the'.repeat(60),
  'supercalifragilisticexpialidocious', 'Donaudampfschifffahrtsgesellschaftskapitän', 'antidisestablishmentarianism', '“curly” ‘quotes’ – dash — em… ellipsis', '«guillemets» ‹single› „low“', '!?.,;:—()[]{}<>@#$%^&*_+=~`|\\/"\'',
  '¡hola! ¿qué tal?', '₽ € £ ¥ ₿', '+−×÷=≠≤≥∞', '→←↑↓⇒', '\u0300\u0301\u0302', 'a\u0000\u0300b', 'Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035aal\u0348\u0355go',
  'ab\u2581cd', 'tab\tand\vvertical\fform', 'mixed\u2003em\u2009thin\u202fnarrow', 'ÀÉÎÕÜ àéîõü', 'ﷺ ﷽', 'ᄀ각', 'ᾳ ᾼ ΐ', '\u0344 \u0340\u0341', '\u2126 \u212a \u212b', '\u0f43\u0f4d', '\u{1d15e}\u{1d160}', 'ש\u05c1\u05bc',
  'To be, or not to be: that is the question.\nWhether \'tis nobler in the mind to suffer\n', 'func main() {\n\tfmt.Println("hello, 世界")\n}\n',
];
