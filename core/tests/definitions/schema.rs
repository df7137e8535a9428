use proptest::prelude::*;
use serde_json::{Value, json};
use voice_core::definition::{Definition, DefinitionSource, Kind};

use crate::{SOURCE, booking, parse, told};

fn with(property: Value) -> Result<Definition, voice_core::definition::DefinitionError> {
    parse(&json!({"type": "object", "properties": {"day": property}}), None)
}

/// The error of a schema with this property.
#[track_caller]
fn refused(property: Value) -> String {
    told(with(property.clone()).expect_err(&property.to_string()))
}

fn of_text(schema: &str) -> Result<Definition, voice_core::definition::DefinitionError> {
    Definition::parse(DefinitionSource { schema, ..SOURCE })
}

#[test]
fn properties_of_each_kind_are_read_in_their_order() {
    let text = r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {
        "zulu": {"type": "string", "description": "z"},
        "alpha": {"type": "object", "description": "a", "properties": {
            "two": {"type": "number", "description": "2"}, "one": {"type": "boolean", "description": "1"}}},
        "mike": {"enum": ["x", "y"], "description": "m"}
    }, "additionalProperties": false}"#;
    let schema = of_text(text).unwrap().schema;
    let names: Vec<&str> = schema.properties.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["zulu", "alpha", "mike"]);
    let Kind::Object(inner) = &schema.properties[1].kind else { panic!() };
    assert_eq!(inner.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["two", "one"]);
    assert_eq!(schema.properties[2].kind, Kind::Words(vec!["x".into(), "y".into()]));
    let kinds: Vec<Kind> = booking().schema.properties.into_iter().map(|p| p.kind).collect();
    assert!(kinds.contains(&Kind::Date) && kinds.contains(&Kind::List(Box::new(Kind::Text))));
}

#[test]
fn null_is_an_answer_where_the_type_allows_it_or_the_property_is_not_required() {
    let required = json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string", "description": "a"},
        "b": {"type": "string", "description": "b"},
        "c": {"type": ["null", "integer"], "description": "c"},
    }});
    let nullable: Vec<bool> = parse(&required, None).unwrap().schema.properties.iter().map(|p| p.nullable).collect();
    assert_eq!(nullable, [false, true, true]);
    let mut all = required;
    all.as_object_mut().unwrap().remove("required");
    let nullable: Vec<bool> = parse(&all, None).unwrap().schema.properties.iter().map(|p| p.nullable).collect();
    assert_eq!(nullable, [false, false, true], "without required, all are");
}

#[test]
fn a_schema_that_is_no_object_is_refused() {
    for schema in ["[]", "\"object\"", "1", "null", "true"] {
        assert!(told(of_text(schema).unwrap_err()).starts_with("schema is not an object"), "{schema}");
    }
    for schema in ["{}", r#"{"type": "string"}"#, r#"{"type": ["object", "null"], "properties": {}}"#] {
        assert!(told(of_text(schema).unwrap_err()).starts_with("schema does not describe an object"), "{schema}");
    }
    for schema in ["", "{", "{} {}", "not JSON", "{\"a\": 1e999}"] {
        assert!(told(of_text(schema).unwrap_err()).starts_with("schema is not JSON"), "{schema}");
    }
    assert!(told(of_text(r#"{"type": "object"}"#).unwrap_err()).starts_with("schema has no \"properties\""));
    assert!(told(of_text(r#"{"type": "object", "properties": [1]}"#).unwrap_err()).contains("a list"));
    let twice = r#"{"type": "object", "properties": {"a": {"type": "string", "type": "integer", "description": "a"}}}"#;
    assert!(told(of_text(twice).unwrap_err()).contains("\"type\" is there twice"));
    assert!(told(of_text(&" ".repeat(70_000)).unwrap_err()).contains("too long"));
    assert!(told(of_text(&"[".repeat(10_000)).unwrap_err()).contains("not JSON"));
}

#[test]
fn a_keyword_outside_of_the_subset_is_refused_with_property_keyword_and_way_out() {
    for (keyword, value, way_out) in [
        ("pattern", json!("^a"), "enum"),
        ("multipleOf", json!(5), "round"),
        ("const", json!("a"), "enum"),
        ("default", json!("a"), "coalesce"),
        ("nullable", json!(true), "\"null\""),
        ("$ref", json!("#/$defs/a"), "where it is used"),
        ("$defs", json!({}), "where it is used"),
        ("allOf", json!([]), "into the property itself"),
        ("anyOf", json!([]), "\"null\""),
        ("oneOf", json!([]), "\"null\""),
        ("not", json!({}), "condition in the description"),
        ("if", json!({}), "condition in the description"),
        ("patternProperties", json!({}), "Name each property"),
        ("prefixItems", json!([]), "items"),
        ("minimum", json!(1), "change the type"),
        ("items", json!({}), "change the type"),
        ("properties", json!({}), "change the type"),
        ("x-nonsense", json!(1), "Leave it out"),
    ] {
        let mut property = json!({"type": "string", "description": "The day."});
        property[keyword] = value;
        let error = refused(property);
        assert!(error.contains("the property \"day\"") && error.contains(&format!("\"{keyword}\"")), "{error}");
        assert!(error.contains(way_out), "{error}");
    }
    let anyhow = json!({"anyOf": [{"type": "string"}, {"type": "null"}], "description": "The day."});
    assert!(refused(anyhow).contains("\"anyOf\""), "not that the type is missing");
    for keyword in ["$defs", "allOf", "oneOf", "if", "patternProperties", "definitions", "minProperties"] {
        let mut schema = json!({"type": "object", "properties": {"a": {"type": "string", "description": "a"}}});
        schema[keyword] = json!({});
        let error = told(parse(&schema, None).unwrap_err());
        assert!(error.contains("the schema has the keyword") && error.contains(keyword), "{error}");
    }
    let error = told(of_text(r#"{"oneOf": [{"type": "object"}]}"#).unwrap_err());
    assert!(error.contains("\"oneOf\""), "{error}");
}

#[test]
fn other_properties_than_those_that_are_named_cannot_be_asked_for() {
    for value in [json!(true), json!({}), json!({"type": "string"})] {
        let schema = json!({"type": "object", "properties": {}, "additionalProperties": value});
        assert!(told(parse(&schema, None).unwrap_err()).contains("\"additionalProperties\" other than false"));
        let inner = json!({"type": "object", "description": "d", "properties": {}, "additionalProperties": value});
        assert!(refused(inner).starts_with("the property \"day\" has \"additionalProperties\""));
    }
}

#[test]
fn each_property_needs_a_type_and_a_description() {
    assert!(refused(json!({"type": "string"})).contains("no \"description\""));
    assert!(refused(json!({"type": "string", "description": " \u{200b}"})).contains("blank \"description\""));
    assert!(refused(json!({"type": "string", "description": 1})).contains("a number"));
    assert!(refused(json!({"type": "string", "description": "x".repeat(1001)})).contains("1001"));
    assert!(refused(json!({"description": "d"})).contains("no \"type\""));
    assert!(refused(json!({"type": "null", "description": "d"})).contains("but null"));
    assert!(refused(json!({"type": "date", "description": "d"})).contains("\"date\""));
    assert!(refused(json!({"type": ["string", "integer"], "description": "d"})).contains("several types"));
    assert!(refused(json!({"type": {}, "description": "d"})).contains("wrong \"type\""));
    assert!(refused(json!("string")).contains("a string"));
    let inner = json!({"type": "object", "description": "d", "properties": {"a": {"type": "string"}}});
    assert!(refused(inner).starts_with("the property \"day.a\" has no \"description\""));
}

#[test]
fn a_format_is_a_date_or_none() {
    for format in [json!("date-time"), json!("email"), json!("uuid"), json!(1)] {
        assert!(refused(json!({"type": "string", "format": format, "description": "d"})).contains("\"date\""));
    }
    assert!(refused(json!({"type": "integer", "format": "date", "description": "d"})).contains("\"format\""));
}

#[test]
fn one_level_of_nesting_and_lists_of_plain_values_can_be_asked_for() {
    let object = |properties: Value| json!({"type": "object", "description": "d", "properties": properties});
    assert!(refused(object(json!({}))).contains("without properties"));
    let two = object(json!({"a": object(json!({"b": {"type": "string", "description": "b"}}))}));
    assert!(refused(two).starts_with("the property \"day.a\" is an object inside of an object"));
    let list = |items: Value| json!({"type": "array", "description": "d", "items": items});
    assert!(refused(list(object(json!({})))).contains("list of lists or objects"));
    assert!(refused(list(list(json!({"type": "string"})))).contains("list of lists or objects"));
    assert!(refused(json!({"type": "array", "description": "d"})).contains("without \"items\""));
    assert!(refused(list(json!(true))).contains("wrong \"items\""));
    assert!(refused(list(json!({}))).starts_with("the property \"day[]\" has no \"type\""));
    assert!(refused(list(json!({"type": ["string", "null"]}))).contains("allows null"));
    assert!(
        refused(list(json!({"type": "string", "pattern": "a"}))).starts_with("the property \"day[]\" has the keyword")
    );
    for items in
        [json!({"type": "integer", "minimum": 1}), json!({"enum": ["a"]}), json!({"type": "string", "format": "date"})]
    {
        with(list(items)).unwrap();
    }
    let inside = object(json!({"tags": {"type": "array", "description": "t", "items": {"type": "string"}}}));
    with(inside).unwrap();
}

#[test]
fn an_enum_lists_values_of_its_type_once() {
    let listed = |values: Value| json!({"type": "string", "description": "d", "enum": values});
    for (values, what) in [
        (json!([]), "empty"),
        (json!([null]), "empty"),
        (json!(["a", 1]), "another type"),
        (json!(["a", "A"]), "twice"),
        (json!(["a", " b"]), "cannot be asked for"),
        (json!(["a", ""]), "cannot be asked for"),
        (json!(["a\u{200b}"]), "cannot be asked for"),
        (json!(["x".repeat(201)]), "cannot be asked for"),
        (json!((0..101).map(|n| n.to_string()).collect::<Vec<_>>()), "too long"),
        (json!("a"), "wrong \"enum\""),
    ] {
        let error = refused(listed(values));
        assert!(error.contains(what) && error.contains("\"enum\""), "{error}");
    }
    assert!(refused(json!({"type": "integer", "description": "d", "enum": [1.5]})).contains("another type"));
    assert!(refused(json!({"type": "number", "description": "d", "enum": [1, 1.0]})).contains("twice"));
    assert!(refused(json!({"type": "boolean", "description": "d", "enum": [true]})).contains("\"enum\""));
    let nullable = with(json!({"type": ["string", "null"], "description": "d", "enum": ["a", null]})).unwrap();
    assert_eq!(nullable.schema.properties[0].kind, Kind::Words(vec!["a".into()]));
    assert!(nullable.schema.properties[0].nullable);
}

#[test]
fn bounds_that_nothing_can_hold_or_that_are_none_are_refused() {
    for (property, what) in [
        (json!({"type": "integer", "minimum": 5, "maximum": 4}), "above its \"maximum\""),
        (json!({"type": "number", "minimum": "5"}), "wrong \"minimum\""),
        (json!({"type": "number", "exclusiveMinimum": true}), "wrong \"exclusiveMinimum\""),
        (json!({"type": "string", "minLength": 5, "maxLength": 4}), "above its \"maxLength\""),
        (json!({"type": "string", "minLength": 4001}), "above its \"maxLength\""),
        (json!({"type": "string", "maxLength": -1}), "wrong \"maxLength\""),
        (json!({"type": "string", "maxLength": 1.5}), "wrong \"maxLength\""),
        (json!({"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 2}), "above its \"maxItems\""),
        (json!({"type": "array", "items": {"type": "string"}, "uniqueItems": "yes"}), "wrong \"uniqueItems\""),
    ] {
        let mut property = property;
        property["description"] = json!("d");
        let error = refused(property);
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn two_hundred_properties_are_too_many() {
    let many = |count: usize| {
        let property = |n: usize| (format!("p{n}"), json!({"type": "string", "description": "d"}));
        Value::Object((0..count).map(property).collect())
    };
    parse(&json!({"type": "object", "properties": many(100)}), None).unwrap();
    for count in [101, 200] {
        let error = told(parse(&json!({"type": "object", "properties": many(count)}), None).unwrap_err());
        assert!(error.contains("too many properties") && error.contains("100"), "{error}");
    }
    let mut nested = json!({"type": "object", "properties": many(60)});
    nested["properties"]["inner"] = json!({"type": "object", "description": "d", "properties": many(40)});
    assert!(told(parse(&nested, None).unwrap_err()).contains("too many properties"), "nested ones count");
    let values: Vec<String> = (0..100).map(|n| format!("v{n}")).collect();
    let listed = |count: usize| {
        let property = |n: usize| (format!("p{n}"), json!({"enum": values, "description": "d"}));
        json!({"type": "object", "properties": Value::Object((0..count).map(property).collect())})
    };
    parse(&listed(4), None).unwrap();
    assert!(told(parse(&listed(5), None).unwrap_err()).contains("too many values"));
}

#[test]
fn a_name_is_a_columns_and_taken_in_any_case() {
    let named = |name: &str| {
        let property = json!({"type": "string", "description": "d"});
        parse(&json!({"type": "object", "properties": {"day": property, name: property}}), None)
    };
    for name in ["a", "_a", "A9", &"x".repeat(63)] {
        named(name).unwrap();
    }
    for name in ["", "9a", "a-b", "a b", "é", "a.b", "day\0", &"x".repeat(64)] {
        assert!(told(named(name).unwrap_err()).contains("cannot be a column"), "{name}");
    }
    let error = told(named("DAY").unwrap_err());
    assert!(error.contains("a name that is taken") && error.contains("in case only"), "{error}");
}

#[test]
fn what_is_required_is_a_property() {
    let requiring = |required: Value| {
        parse(
            &json!({"type": "object", "properties": {"a": {"type": "string", "description": "a"}}, "required": required}),
            None,
        )
    };
    requiring(json!([])).unwrap();
    assert!(told(requiring(json!(["b"])).unwrap_err()).contains("no property \"b\""));
    assert!(told(requiring(json!([1])).unwrap_err()).contains("a number"));
    assert!(told(requiring(json!(true)).unwrap_err()).contains("not a list"));
}

proptest! {
    /// Whatever is written, it is read or refused with all that an error needs; never a panic.
    #[test]
    fn any_property_is_read_or_refused_with_reasons(
        keywords in prop::collection::vec((
            prop::sample::select(vec!["type", "description", "enum", "format", "minimum", "maximum", "minLength", "maxLength",
                "items", "minItems", "maxItems", "uniqueItems", "properties", "required", "pattern", "title", "examples",
                "exclusiveMaximum", "additionalProperties", "$ref", "x"]),
            prop::sample::select(vec![json!("string"), json!("integer"), json!("array"), json!("object"), json!(["number", "null"]),
                json!([]), json!({}), json!(null), json!(true), json!(-1), json!(2), json!(1e300), json!("date"),
                json!(["a", "b"]), json!({"type": "string"}), json!({"a": {"type": "string", "description": "a"}})]),
        ), 0..5), described in any::<bool>(),
    ) {
        let mut property = serde_json::Map::new();
        if described {
            property.insert("description".into(), json!("d"));
        }
        property.extend(keywords.into_iter().map(|(key, value)| (key.to_owned(), value)));
        match with(Value::Object(property)) {
            Ok(definition) => prop_assert_eq!(definition.schema.properties.len(), 1),
            Err(error) => { told(error); }
        }
    }
}
