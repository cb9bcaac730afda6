package keys

// DecodeCheap is Decode that refuses what takes more than a moment.
func DecodeCheap(raw []byte, opens Passphrase) (Key, error) { return decode(raw, opens, 6) }
