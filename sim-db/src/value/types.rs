//! The built-in types: object identifiers, names, lengths, categories.

/// Object identifier, as in `pg_type.oid`.
pub type Oid = u32;

/// A type with its modifier: what a column, a cast, a result has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataType {
    /// `pg_type.oid`.
    pub oid: Oid,
    /// Type modifier as PostgreSQL encodes it (`varchar(5)` is 9), -1 for none.
    pub typmod: i32,
}

impl DataType {
    /// The type without a modifier.
    pub const fn of(oid: Oid) -> Self {
        Self { oid, typmod: -1 }
    }
}

/// Facts about one built-in type, as its row of `pg_type` has them.
#[derive(Clone, Copy, Debug)]
pub struct TypeInfo {
    /// `pg_type.oid`.
    pub oid: Oid,
    /// `typname`.
    pub name: &'static str,
    /// The name that `format_type` gives (`integer` for `int4`).
    pub display: &'static str,
    /// `typlen`: bytes, -1 when it varies.
    pub length: i16,
    /// `typcategory`.
    pub category: char,
    /// `typispreferred`.
    pub preferred: bool,
    /// `typarray`: 0 for none.
    pub array: Oid,
    /// `typelem`: 0 for none.
    pub element: Oid,
}

macro_rules! types {
    ($($constant:ident = $oid:literal, $name:literal, $display:literal, $length:literal, $category:literal, $preferred:literal, $array:literal;)*) => {
        /// Object identifiers of the built-in types.
        #[allow(missing_docs)]
        pub mod oid {
            use super::Oid;
            $(pub const $constant: Oid = $oid;)*
            pub const INT2VECTOR: Oid = 22;
            pub const OIDVECTOR: Oid = 30;
            pub const TEXT_ARRAY: Oid = 1009;
            pub const INT4_ARRAY: Oid = 1007;
        }
        const BASE: &[TypeInfo] = &[$(TypeInfo {
            oid: $oid, name: $name, display: $display, length: $length, category: $category,
            preferred: $preferred, array: $array, element: 0,
        },)*];
    };
}

types! {
    BOOL = 16, "bool", "boolean", 1, 'B', true, 1000;
    BYTEA = 17, "bytea", "bytea", -1, 'U', false, 1001;
    CHAR = 18, "char", "\"char\"", 1, 'Z', false, 1002;
    NAME = 19, "name", "name", 64, 'S', false, 1003;
    INT8 = 20, "int8", "bigint", 8, 'N', false, 1016;
    INT2 = 21, "int2", "smallint", 2, 'N', false, 1005;
    INT4 = 23, "int4", "integer", 4, 'N', false, 1007;
    REGPROC = 24, "regproc", "regproc", 4, 'N', false, 1008;
    TEXT = 25, "text", "text", -1, 'S', true, 1009;
    OID = 26, "oid", "oid", 4, 'N', true, 1028;
    TID = 27, "tid", "tid", 6, 'U', false, 1010;
    XID = 28, "xid", "xid", 4, 'U', false, 1011;
    CID = 29, "cid", "cid", 4, 'U', false, 1012;
    JSON = 114, "json", "json", -1, 'U', false, 199;
    PG_NODE_TREE = 194, "pg_node_tree", "pg_node_tree", -1, 'Z', false, 0;
    FLOAT4 = 700, "float4", "real", 4, 'N', false, 1021;
    FLOAT8 = 701, "float8", "double precision", 8, 'N', true, 1022;
    UNKNOWN = 705, "unknown", "unknown", -2, 'X', false, 0;
    CIDR = 650, "cidr", "cidr", -1, 'I', false, 651;
    MACADDR = 829, "macaddr", "macaddr", 6, 'U', false, 1040;
    INET = 869, "inet", "inet", -1, 'I', true, 1041;
    BPCHAR = 1042, "bpchar", "character", -1, 'S', false, 1014;
    VARCHAR = 1043, "varchar", "character varying", -1, 'S', false, 1015;
    DATE = 1082, "date", "date", 4, 'D', false, 1182;
    TIME = 1083, "time", "time without time zone", 8, 'D', false, 1183;
    TIMESTAMP = 1114, "timestamp", "timestamp without time zone", 8, 'D', false, 1115;
    TIMESTAMPTZ = 1184, "timestamptz", "timestamp with time zone", 8, 'D', true, 1185;
    INTERVAL = 1186, "interval", "interval", 16, 'T', true, 1187;
    TIMETZ = 1266, "timetz", "time with time zone", 12, 'D', false, 1270;
    NUMERIC = 1700, "numeric", "numeric", -1, 'N', false, 1231;
    REGPROCEDURE = 2202, "regprocedure", "regprocedure", 4, 'N', false, 2207;
    REGCLASS = 2205, "regclass", "regclass", 4, 'N', false, 2210;
    REGTYPE = 2206, "regtype", "regtype", 4, 'N', false, 2211;
    RECORD = 2249, "record", "record", -1, 'P', false, 2287;
    ANY = 2276, "any", "\"any\"", 4, 'P', false, 0;
    ANYARRAY = 2277, "anyarray", "anyarray", -1, 'P', false, 0;
    VOID = 2278, "void", "void", 4, 'P', false, 0;
    ANYELEMENT = 2283, "anyelement", "anyelement", 4, 'P', false, 0;
    ANYNONARRAY = 2776, "anynonarray", "anynonarray", 4, 'P', false, 0;
    ANYENUM = 3500, "anyenum", "anyenum", 4, 'P', false, 0;
    ANYRANGE = 3831, "anyrange", "anyrange", -1, 'P', false, 0;
    UUID = 2950, "uuid", "uuid", 16, 'U', false, 2951;
    JSONB = 3802, "jsonb", "jsonb", -1, 'U', false, 3807;
    INT4RANGE = 3904, "int4range", "int4range", -1, 'R', false, 3905;
    NUMRANGE = 3906, "numrange", "numrange", -1, 'R', false, 3907;
    TSRANGE = 3908, "tsrange", "tsrange", -1, 'R', false, 3909;
    TSTZRANGE = 3910, "tstzrange", "tstzrange", -1, 'R', false, 3911;
    DATERANGE = 3912, "daterange", "daterange", -1, 'R', false, 3913;
    INT8RANGE = 3926, "int8range", "int8range", -1, 'R', false, 3927;
    JSONPATH = 4072, "jsonpath", "jsonpath", -1, 'U', false, 4073;
    REGNAMESPACE = 4089, "regnamespace", "regnamespace", 4, 'N', false, 4090;
    REGROLE = 4096, "regrole", "regrole", 4, 'N', false, 4097;
}

/// Every built-in base type (arrays are implied by `array`).
pub fn base_types() -> &'static [TypeInfo] {
    BASE
}

/// The facts of a built-in type; of its element for an array, with the array's own identifiers filled in.
pub fn info(oid: Oid) -> Option<TypeInfo> {
    match oid {
        oid::INT2VECTOR => {
            return Some(TypeInfo {
                oid,
                name: "int2vector",
                display: "int2vector",
                length: -1,
                category: 'A',
                preferred: false,
                array: 1006,
                element: oid::INT2,
            });
        }
        oid::OIDVECTOR => {
            return Some(TypeInfo {
                oid,
                name: "oidvector",
                display: "oidvector",
                length: -1,
                category: 'A',
                preferred: false,
                array: 1013,
                element: oid::OID,
            });
        }
        _ => {}
    }
    if let Some(info) = BASE.iter().find(|info| info.oid == oid) {
        return Some(*info);
    }
    let element = BASE.iter().find(|info| info.array == oid && oid != 0)?;
    Some(TypeInfo {
        oid,
        length: -1,
        category: 'A',
        preferred: false,
        array: 0,
        element: element.oid,
        ..*element
    })
}

/// The element type of a built-in array type.
pub fn element_of(oid: Oid) -> Option<Oid> {
    info(oid).map(|info| info.element).filter(|element| *element != 0)
}

/// The array type of a built-in type.
pub fn array_of(oid: Oid) -> Option<Oid> {
    BASE.iter().find(|info| info.oid == oid).map(|info| info.array).filter(|array| *array != 0)
}

/// The built-in type of a `typname` (`int4`, `_int4`).
pub fn by_name(name: &str) -> Option<Oid> {
    if let Some(element) = name.strip_prefix('_') {
        return BASE.iter().find(|info| info.name == element).map(|info| info.array).filter(|oid| *oid != 0);
    }
    match name {
        "int2vector" => Some(oid::INT2VECTOR),
        "oidvector" => Some(oid::OIDVECTOR),
        _ => BASE.iter().find(|info| info.name == name).map(|info| info.oid),
    }
}

/// The subtype of a built-in range type.
pub fn range_subtype(range: Oid) -> Option<Oid> {
    Some(match range {
        oid::INT4RANGE => oid::INT4,
        oid::INT8RANGE => oid::INT8,
        oid::NUMRANGE => oid::NUMERIC,
        oid::TSRANGE => oid::TIMESTAMP,
        oid::TSTZRANGE => oid::TIMESTAMPTZ,
        oid::DATERANGE => oid::DATE,
        _ => return None,
    })
}
