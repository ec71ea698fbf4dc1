using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;
using TaskTracker.Api.Json;
using TaskTracker.Api.Paging;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Tasks;

/// <summary>An order of tasks: by a key, then by number, both up or both down, so that an index holds it.</summary>
internal abstract class TaskOrder(string name, bool descending)
{
    public const string Default = "created_at";
    public const string Problem = "Must be created_at, updated_at, deadline or title, with a '-' before it for the reverse.";

    private static readonly Dictionary<string, TaskOrder> All = ((TaskOrder[])
    [
        .. Both("created_at", task => task.CreatedAt, task => UtcTime.Format(task.CreatedAt), UtcTime.TryParse),
        .. Both("updated_at", task => task.UpdatedAt, task => UtcTime.Format(task.UpdatedAt), UtcTime.TryParse),
        // As the index has it: PostgreSQL's infinity, so no deadline is the latest deadline.
        .. Both("deadline", task => task.Deadline ?? EF.Constant(DateTimeOffset.MaxValue),
            task => task.Deadline is { } deadline ? UtcTime.Format(deadline) : "", TryParseDeadline),
        .. Both("title", task => task.Title, task => task.Title, TryKeepTitle),
    ]).ToDictionary(order => order.Name);

    private delegate bool TryParse<TKey>(string text, out TKey key);

    /// <summary>What it is called in <c>sort</c>.</summary>
    public string Name { get; } = descending ? $"-{name}" : name;

    protected bool IsDescending => descending;

    public static TaskOrder? Find(string? name) => All.GetValueOrDefault(name ?? Default);

    /// <summary>The tasks after <paramref name="cursor"/>, sorted; null where it holds no key of this order.</summary>
    public abstract IQueryable<TaskItem>? Sort(IQueryable<TaskItem> tasks, Cursor? cursor);

    /// <summary>Where <paramref name="task"/> stands.</summary>
    public abstract Cursor CursorOf(TaskItem task);

    private static IEnumerable<TaskOrder> Both<TKey>(
        string name, Expression<Func<TaskItem, TKey>> key, Func<TaskItem, string> format, TryParse<TKey> tryParse) =>
        ((bool[])[false, true]).Select(descending => new By<TKey>(name, descending, key, format, tryParse));

    private static bool TryParseDeadline(string text, out DateTimeOffset deadline)
    {
        deadline = DateTimeOffset.MaxValue;
        return text.Length == 0 || UtcTime.TryParse(text, out deadline);
    }

    private static bool TryKeepTitle(string text, out string title)
    {
        title = text;
        return true;
    }

    private sealed class By<TKey>(
        string name, bool descending, Expression<Func<TaskItem, TKey>> key, Func<TaskItem, string> format, TryParse<TKey> tryParse)
        : TaskOrder(name, descending)
    {
        public override IQueryable<TaskItem>? Sort(IQueryable<TaskItem> tasks, Cursor? cursor)
        {
            if (cursor is not null)
            {
                if (!tryParse(cursor.Key, out var last))
                {
                    return null;
                }

                tasks = tasks.Where(After(last, cursor.Id));
            }

            return IsDescending
                ? tasks.OrderByDescending(key).ThenByDescending(task => task.Id)
                : tasks.OrderBy(key).ThenBy(task => task.Id);
        }

        public override Cursor CursorOf(TaskItem task) => new(Name, task.Id, format(task));

        // One comparison of rows, which an index answers in one descent; 'or' of two would read all equal keys.
        private Expression<Func<TaskItem, bool>> After(TKey last, long lastId)
        {
            Expression<Func<TKey, long, bool>> after = IsDescending
                ? (key, id) => EF.Functions.LessThan(ValueTuple.Create(key, id), ValueTuple.Create(last, lastId))
                : (key, id) => EF.Functions.GreaterThan(ValueTuple.Create(key, id), ValueTuple.Create(last, lastId));
            var task = key.Parameters[0];
            var body = ReplacingExpressionVisitor.Replace(after.Parameters[0], key.Body, after.Body);
            body = ReplacingExpressionVisitor.Replace(after.Parameters[1], Expression.Property(task, nameof(TaskItem.Id)), body);

            return Expression.Lambda<Func<TaskItem, bool>>(body, task);
        }
    }
}
