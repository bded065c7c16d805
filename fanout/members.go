package fanout

// eachMember calls visit with the key (in its quotes, as written) and the value of every member of the JSON object raw, which must be
// valid JSON. It reports whether raw is an object. It allocates nothing, unlike a decoder, and runs for every message on every node.
func eachMember(raw []byte, visit func(key, value []byte)) bool {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return false
	}
	for i = space(raw, i+1); raw[i] != '}'; i = space(raw, i) {
		if raw[i] == ',' {
			i = space(raw, i+1)
		}
		keyEnd := skip(raw, i)
		key := raw[i:keyEnd]
		i = space(raw, space(raw, keyEnd)+1) // the colon
		end := skip(raw, i)
		visit(key, raw[i:end])
		i = end
	}
	return true
}

func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r') {
		i++
	}
	return i
}

// skip returns the end of the value that starts at i.
func skip(raw []byte, i int) int {
	depth := 0
	for ; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}
