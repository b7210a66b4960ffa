//! SeaORM: entities, relations, transactions, schema statements.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::NotSet, ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryOrder, QuerySelect, Schema, Set,
    SqlErr, Statement, TransactionTrait,
};

mod cake {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "cake")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
        pub size: Size,
        pub data: Option<Json>,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "size")]
    pub enum Size {
        #[sea_orm(string_value = "small")]
        Small,
        #[sea_orm(string_value = "large")]
        Large,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::fruit::Entity")]
        Fruit,
    }

    impl Related<super::fruit::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Fruit.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod fruit {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fruit")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub cake_id: Option<i32>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "super::cake::Entity", from = "Column::CakeId", to = "super::cake::Column::Id", on_delete = "SetNull")]
        Cake,
    }

    impl Related<super::cake::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Cake.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

async fn bakery(schema: &str) -> Result<DatabaseConnection, DbErr> {
    let db = Database::connect(support::url(schema)).await?;
    db.execute_unprepared(&support::fresh(schema)).await?;
    let statements = Schema::new(DbBackend::Postgres);
    db.execute(&statements.create_enum_from_active_enum::<cake::Size>().expect("it is an enum")).await?;
    db.execute(&statements.create_table_from_entity(cake::Entity)).await?;
    db.execute(&statements.create_table_from_entity(fruit::Entity)).await?;
    Ok(db)
}

fn new_cake(name: &str, size: cake::Size) -> cake::ActiveModel {
    cake::ActiveModel { id: NotSet, name: Set(name.into()), size: Set(size), data: Set(None) }
}

#[tokio::test]
async fn entities_are_written_found_and_changed() -> Result<(), DbErr> {
    let db = bakery("sea_entities").await?;
    let sponge = new_cake("sponge", cake::Size::Large).insert(&db).await?;
    assert_eq!((sponge.id, sponge.size), (1, cake::Size::Large));
    let mut changed: cake::ActiveModel = sponge.into();
    changed.data = Set(Some(serde_json_value()));
    let changed = changed.update(&db).await?;
    assert_eq!(changed.data, Some(serde_json_value()));
    new_cake("cup", cake::Size::Small).insert(&db).await?;
    let small = cake::Entity::find().filter(cake::Column::Size.eq(cake::Size::Small)).all(&db).await?;
    assert_eq!(small.iter().map(|cake| cake.name.as_str()).collect::<Vec<_>>(), ["cup"]);
    let like = cake::Entity::find().filter(cake::Column::Name.contains("pon")).count(&db).await?;
    assert_eq!(like, 1);
    let deleted = cake::Entity::delete_many().filter(cake::Column::Id.gt(1)).exec(&db).await?;
    assert_eq!(deleted.rows_affected, 1);
    assert_eq!(cake::Entity::find_by_id(2).one(&db).await?, None);
    Ok(())
}

fn serde_json_value() -> Json {
    sea_orm::JsonValue::Array(vec!["vanilla".into(), 3.into()])
}

#[tokio::test]
async fn relations_are_followed() -> Result<(), DbErr> {
    let db = bakery("sea_relations").await?;
    let cake = new_cake("fruit", cake::Size::Large).insert(&db).await?;
    let fruits = ["apple", "pear"].map(|name| fruit::ActiveModel { id: NotSet, name: Set(name.into()), cake_id: Set(Some(cake.id)) });
    fruit::Entity::insert_many(fruits).exec(&db).await?;
    let with = cake::Entity::find().find_with_related(fruit::Entity).order_by_asc(fruit::Column::Name).all(&db).await?;
    let names: Vec<&str> = with[0].1.iter().map(|fruit| fruit.name.as_str()).collect();
    assert_eq!((with.len(), names), (1, vec!["apple", "pear"]));
    let orphan = fruit::ActiveModel { id: NotSet, name: Set("plum".into()), cake_id: Set(Some(99)) }.insert(&db).await;
    assert!(matches!(orphan.unwrap_err().sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))));
    cake.delete(&db).await?;
    let left: Vec<Option<i32>> =
        fruit::Entity::find().select_only().column(fruit::Column::CakeId).into_tuple().all(&db).await?;
    assert_eq!(left, [None, None]);
    Ok(())
}

#[tokio::test]
async fn transactions_keep_or_undo() -> Result<(), DbErr> {
    let db = bakery("sea_transactions").await?;
    let outer = db.begin().await?;
    new_cake("kept", cake::Size::Small).insert(&outer).await?;
    let inner = outer.begin().await?;
    new_cake("undone", cake::Size::Small).insert(&inner).await?;
    inner.rollback().await?;
    outer.commit().await?;
    let twice = new_cake("kept", cake::Size::Small).insert(&db).await.unwrap_err();
    assert!(matches!(twice.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))), "{twice:?}");
    let upsert = cake::Entity::insert(new_cake("kept", cake::Size::Large))
        .on_conflict(OnConflict::column(cake::Column::Name).update_column(cake::Column::Size).to_owned())
        .exec_with_returning(&db)
        .await?;
    assert_eq!(upsert.size, cake::Size::Large);
    let count = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, "select count(*) as n from cake"))
        .await?
        .expect("one row")
        .try_get::<i64>("", "n")?;
    assert_eq!(count, 1);
    Ok(())
}

#[tokio::test]
async fn pages_are_walked() -> Result<(), DbErr> {
    let db = bakery("sea_pages").await?;
    cake::Entity::insert_many((0..7).map(|n| new_cake(&format!("cake {n}"), cake::Size::Small))).exec(&db).await?;
    let pages = cake::Entity::find().order_by_asc(cake::Column::Id).paginate(&db, 3);
    assert_eq!(pages.num_items_and_pages().await?.number_of_pages, 3);
    let last = pages.fetch_page(2).await?;
    assert_eq!(last.iter().map(|cake| cake.id).collect::<Vec<_>>(), [7]);
    Ok(())
}
