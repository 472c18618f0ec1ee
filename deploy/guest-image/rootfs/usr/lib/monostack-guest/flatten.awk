# Prints "path<TAB>value" for each string of a JSON text. Keys and indices of a path are joined by "/"; line ends in values become blanks.
BEGIN { RS = "\001" }
{ text = $0; value("") }
function skip() { sub(/^[ \t\r\n]+/, "", text) }
function string(   out, escape) {
    text = substr(text, 2)
    while (text != "" && substr(text, 1, 1) != "\"") {
        if (match(text, /^[^"\\]+/)) { out = out substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1); continue }
        escape = substr(text, 2, 1)
        if (escape == "u") { out = out unicode(substr(text, 3, 4)); text = substr(text, 7); continue }
        out = out (index("nrtbf", escape) ? " " : escape)
        text = substr(text, 3)
    }
    text = substr(text, 2)
    return out
}
function unicode(hex,   code) {
    code = ("0x" hex) + 0
    if (code < 128) return sprintf("%c", code)
    if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
    return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
}
function value(path,   first, key, count) {
    skip()
    first = substr(text, 1, 1)
    if (first == "\"") { print path "\t" string(); return }
    if (first != "{" && first != "[") { sub(/^[^],}]*/, "", text); return }
    do {
        text = substr(text, 2)
        skip()
        if (substr(text, 1, 1) ~ /[]}]/) break
        key = count++
        if (first == "{") { key = string(); skip(); text = substr(text, 2) }
        value(path (path == "" ? "" : "/") key)
        skip()
    } while (substr(text, 1, 1) == ",")
    text = substr(text, 2)
}
