//! `.launch` files: a pipeline description with comments and variables. No shell, no evaluation.
//!
//! ```text
//! # What the pipeline is for.
//! var FILE                       a variable without a default must be given
//! var TOPIC=alpr.plates.detected
//! filesrc location=${FILE} ! decodebin
//! # a comment between two steps
//! ! videoconvert ! … ! kafkasink topic=${TOPIC}
//! ```

/// A variable of a launch file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name: capitals, digits and underscores.
    pub name: String,
    /// Its value when none is given.
    pub default: Option<String>,
}

/// A launch file, read but not yet filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The comment at its head.
    pub about: String,
    /// Its variables, in order.
    pub variables: Vec<Variable>,
    description: String,
}

impl Launch {
    /// Reads the text of a launch file.
    ///
    /// # Errors
    /// A sentence with the number of the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut about, mut variables, mut steps) = (String::new(), Vec::new(), Vec::new());
        let mut in_head = true;
        for (i, line) in text.lines().map(str::trim).enumerate() {
            if let Some(comment) = line.strip_prefix('#') {
                if in_head {
                    about.push_str(comment.strip_prefix(' ').unwrap_or(comment));
                    about.push('\n');
                }
                continue;
            }
            in_head = false;
            if let Some(declared) = line.strip_prefix("var ") {
                variables.push(variable(declared.trim()).map_err(|e| format!("line {}: {e}", i + 1))?);
            } else if !line.is_empty() {
                steps.push(line);
            }
        }
        let launch = Self { about, variables, description: steps.join(" ") };
        if launch.description.is_empty() {
            return Err("there is no pipeline in it".to_owned());
        }
        for piece in launch.description.split("${").skip(1) {
            let name = piece.split_once('}').map_or(piece, |(name, _)| name);
            if !launch.variables.iter().any(|v| v.name == name) {
                return Err(format!("`${{{name}}}` is used and there is no line `var {name}`"));
            }
        }
        Ok(launch)
    }

    /// The description with every variable filled in from `values` or its default.
    ///
    /// A value that holds spaces, quotes or `!` is quoted, which is possible only where it is all of a property's value.
    ///
    /// # Errors
    /// A sentence that names the variable that is unknown, missing, or cannot be put where it is used.
    pub fn fill(&self, values: &[(String, String)]) -> Result<String, String> {
        for (name, _) in values {
            if !self.variables.iter().any(|v| v.name == *name) {
                let known: Vec<&str> = self.variables.iter().map(|v| v.name.as_str()).collect();
                return Err(format!("there is no variable {name}; there are: {}", known.join(" ")));
            }
        }
        let mut out = String::new();
        let mut rest = self.description.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after.split_once('}').ok_or("a `${` without its `}`")?;
            out.push_str(before);
            let given = values.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            let default = || self.variables.iter().find(|v| v.name == name).and_then(|v| v.default.clone());
            let value = given.or_else(default).ok_or_else(|| format!("{name} must be given: {name}=VALUE"))?;
            let whole = before.ends_with('=') && (tail.is_empty() || tail.starts_with(' '));
            out.push_str(&quoted(&value, whole).ok_or_else(|| {
                format!("the value of {name} has characters that cannot stand inside another value; leave them out")
            })?);
            rest = tail;
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn variable(declared: &str) -> Result<Variable, String> {
    let (name, default) = match declared.split_once('=') {
        Some((name, default)) => (name, Some(default.trim().to_owned())),
        None => (declared.split_whitespace().next().unwrap_or_default(), None),
    };
    let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || !name.chars().all(good) {
        return Err(format!("`var {declared}`: a name has capitals, digits and underscores only"));
    }
    Ok(Variable { name: name.to_owned(), default })
}

/// The value as a pipeline description takes it, or nothing when it needs quotes and `whole` is false.
fn quoted(value: &str, whole: bool) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "_-./:,=+@%~?&*()[]".contains(c);
    // Parentheses, braces and slashes are safe inside a value; only these end or split one.
    if !value.is_empty() && value.chars().all(plain) {
        return Some(value.to_owned());
    }
    if !whole || value.contains(['\n', '\0']) {
        return None;
    }
    Some(quote(value))
}

/// The value in quotes, as a pipeline description takes any text that is all of a property's value.
pub fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Reads a file.\n# Second line.\nvar FILE\nvar TOPIC=a.b\n\nfilesrc location=${FILE}\n# step\n! \
                        sink topic=${TOPIC} url=http://${TOPIC}/x\n";

    fn fill(values: &[(&str, &str)]) -> Result<String, String> {
        let values: Vec<(String, String)> = values.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        Launch::parse(FILE).unwrap().fill(&values)
    }

    #[test]
    fn filled_in() {
        for (values, expected) in [
            (vec![("FILE", "/a/b.mp4")], Ok("filesrc location=/a/b.mp4 ! sink topic=a.b url=http://a.b/x")),
            (
                vec![("FILE", "/a b/\"c\".mp4"), ("TOPIC", "t")],
                Ok("filesrc location=\"/a b/\\\"c\\\".mp4\" ! sink topic=t url=http://t/x"),
            ),
            (vec![], Err("FILE must be given")),
            (vec![("FILE", "x"), ("NOPE", "y")], Err("no variable NOPE; there are: FILE TOPIC")),
            // A value cannot bring elements of its own into the pipeline.
            (vec![("FILE", "x"), ("TOPIC", "t ! fakesink")], Err("cannot stand inside")),
        ] {
            match (fill(&values), expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected),
                (Err(got), Err(expected)) => assert!(got.contains(expected), "{got}"),
                other => panic!("{values:?} {other:?}"),
            }
        }
    }

    #[test]
    fn the_head_comment_and_the_variables() {
        let launch = Launch::parse(FILE).unwrap();
        assert_eq!(launch.about, "Reads a file.\nSecond line.\n");
        let names: Vec<(&str, Option<&str>)> =
            launch.variables.iter().map(|v| (v.name.as_str(), v.default.as_deref())).collect();
        assert_eq!(names, [("FILE", None), ("TOPIC", Some("a.b"))]);
    }

    #[test]
    fn files_that_make_no_sense() {
        for (text, expected) in [
            ("# only words\n", "no pipeline"),
            ("var lower=1\nfakesink\n", "line 1"),
            ("fakesrc ! fakesink name=${X}\n", "no line `var X`"),
        ] {
            let error = Launch::parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
