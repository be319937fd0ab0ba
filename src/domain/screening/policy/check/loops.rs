//! Loops over lists: the parser has written them out already, as folds with an accumulator.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::domain::screening::policy::check::{Checked, Checker, Typed};
use crate::domain::screening::policy::language::{Condition, List};
use crate::domain::screening::policy::names::NAMES;

impl Checker<'_> {
    /// `exists`, `all`, `exists_one` and `filter`, told apart by what the parser made of them.
    pub(super) fn comprehension(&mut self, expr: &IdedExpr, made: &ComprehensionExpr) -> Checked<Typed> {
        let (list, element) = self.list(&made.iter_range, "what is gone through")?;
        let name = made.iter_var.as_str();
        if name == "matches"
            || NAMES.iter().any(|known| known.group == name || known.field == name && known.group.is_empty())
        {
            return self.unsupported(expr, format!("{name:?} as the name of an element"), "it has a meaning already");
        }
        let Expr::Call(step) = &made.loop_step.expr else {
            return self.unsupported(expr, "this loop", "use exists, all, exists_one or filter");
        };
        let body = match (&made.accu_init.expr, step.args.as_slice()) {
            (Expr::Literal(LiteralValue::Boolean(_)), [_, body]) => body,
            (Expr::Literal(LiteralValue::Int(_)) | Expr::List(_), [body, ..])
                if step.func_name == operators::CONDITIONAL =>
            {
                body
            }
            _ => return self.unsupported(expr, "map", "use exists or filter"),
        };
        self.bound.push((name.to_owned(), element));
        let condition = self.condition(body, "what is asked of each element");
        let kept_as_is = self.keeps_elements(made, step);
        self.bound.pop();
        let body = Box::new(condition?);
        Ok(match &made.accu_init.expr {
            Expr::Literal(LiteralValue::Boolean(of_all)) if *of_all.inner() => {
                Typed::Condition(Condition::Every(list, body))
            }
            Expr::Literal(LiteralValue::Boolean(_)) => Typed::Condition(Condition::Some(list, body)),
            Expr::List(_) if kept_as_is => Typed::List(List::Filter(Box::new(list), body), element),
            Expr::List(_) => return self.unsupported(expr, "map", "use exists or filter"),
            _ => Typed::Condition(Condition::One(list, body)),
        })
    }

    /// A filter keeps elements; `map` with a condition makes other ones of them.
    fn keeps_elements(&self, made: &ComprehensionExpr, step: &CallExpr) -> bool {
        let Some(Expr::Call(add)) = step.args.get(1).map(|added| &added.expr) else { return false };
        let Some(Expr::List(one)) = add.args.get(1).map(|list| &list.expr) else { return false };
        matches!(one.elements.as_slice(), [IdedExpr { expr: Expr::Ident(name), .. }] if *name == made.iter_var)
    }
}
